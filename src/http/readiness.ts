/**
 * Whether the daemon can do its work. Pure over a series of looks at the store: accepted alerts must be storable, and
 * every partition must have an owner that moves on.
 */
import type { HealthSnapshot } from './deps.js';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Since when a partition has waiting entries and its cursor has stood still. */
interface Standstill {
  readonly committed: number;
  readonly since: number;
}

export interface ProgressWatch {
  /** Takes note of a look at the store. The same look twice changes nothing. */
  note(snapshot: HealthSnapshot | undefined): void;
  checks(now: number): Check[];
}

/** A look older than this is none: whoever takes them is stuck. */
const STALE_LOOK_MS = 10_000;

/** A partition may be without an owner, or stand still, for twice the lease. */
export function createProgressWatch(leaseTtlMs: number): ProgressWatch {
  const patience = 2 * leaseTtlMs;
  const standing = new Map<number, Standstill>();
  let latest: HealthSnapshot | undefined;

  return {
    note(snapshot) {
      if (snapshot === undefined || snapshot === latest) return;
      latest = snapshot;
      for (const { partition, committed, appended } of snapshot.store.partitions) {
        const before = standing.get(partition);
        if (appended <= committed) standing.delete(partition);
        else if (before?.committed !== committed) standing.set(partition, { committed, since: snapshot.at });
      }
    },
    checks(now) {
      if (latest === undefined) return [{ name: 'store', ok: false, detail: 'not looked at yet' }];
      const { store, at } = latest;
      if (now - at > STALE_LOOK_MS) {
        return [{ name: 'store', ok: false, detail: `last looked at ${Math.round((now - at) / 1000)} s ago` }];
      }
      const checks: Check[] = [
        { name: 'store', ok: store.writable, detail: store.writable ? 'writable' : (store.problem ?? 'not writable') },
      ];
      for (const status of store.partitions) {
        const name = `partition-${status.partition}`;
        const age = status.lastProgressAt === null ? null : store.now - status.lastProgressAt;
        const stood = at - (standing.get(status.partition)?.since ?? at);
        const lag = Math.max(0, status.appended - status.committed);
        if (age === null) checks.push({ name, ok: false, detail: 'never had an owner' });
        else if (age > patience) checks.push({ name, ok: false, detail: `no owner for ${Math.round(age / 1000)} s` });
        else if (stood > patience) {
          checks.push({
            name,
            ok: false,
            detail: `${lag} entries wait, none committed for ${Math.round(stood / 1000)} s`,
          });
        } else
          checks.push({
            name,
            ok: true,
            detail: `owned by ${status.owner ?? 'nobody right now'}, ${lag} entries wait`,
          });
      }
      return checks;
    },
  };
}
