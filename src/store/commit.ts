/** Lays out the arguments of lua/commit.lua; its header describes them. */
import type { Effect } from '../domain/effect.js';
import type { Commit, Lease } from '../ports/store.js';
import type { PartitionKeys } from './keys.js';

/** How many rows of the commit journal are kept, about. */
const COMMIT_ROWS = 10_000;

type Arg = string | number;

interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly Arg[];
}

/** The value of the lease key: what every fenced script compares with. */
export function leaseValue(lease: Lease): string {
  return `${lease.owner}|${lease.fence}`;
}

/** A name from the configuration as one word of a row in `effst` and `lane`. */
function word(name: string): string {
  return `=${encodeURIComponent(name)}`;
}

/** The reverse of word(). */
export function unword(text: string): string {
  return decodeURIComponent(text.slice(1));
}

/** Ids are hashes; one with a blank or a comma would break the rows of the outbox. */
function plainId(id: string): string {
  if (!/^[^\s,@]+$/.test(id)) throw new TypeError(`not an id: ${JSON.stringify(id)}`);
  return id;
}

/** Sets and deletes of a `field -> blob | null` map. */
function split(map: ReadonlyMap<string, string | null>): { set: string[]; remove: string[] } {
  const set: string[] = [];
  const remove: string[] = [];
  for (const [field, blob] of map) {
    if (blob === null) remove.push(field);
    else set.push(field, blob);
  }
  return { set, remove };
}

function effectArgs(effect: Effect, visibilityMs: number): Arg[] {
  return [
    plainId(effect.id),
    Math.ceil(effect.dueAt),
    effect.action,
    plainId(effect.incident),
    word(effect.lane),
    word(effect.sink),
    visibilityMs,
    JSON.stringify(effect),
  ];
}

export function commitCall(keys: PartitionKeys, commit: Commit): ScriptCall {
  const { writes } = commit;
  const allKeys = [
    ...[keys.lease, keys.cursor, keys.st, keys.det, keys.inc, keys.live, keys.incs, keys.num],
    ...[keys.eff, keys.effst, keys.due, keys.lane, keys.att, keys.dlq, keys.commits],
  ];
  const args: Arg[] = [
    ...[leaseValue(commit.lease), commit.lease.fence, commit.expected, commit.cursor, commit.seq, COMMIT_ROWS],
  ];
  const section = (width: number, values: readonly Arg[]): void => {
    args.push(values.length / width);
    for (const value of values) args.push(value);
  };

  for (const map of [writes.state, writes.details]) {
    const { set, remove } = split(map);
    section(2, set);
    section(1, remove);
  }
  section(2, [...writes.incidents].flat());
  const live = [...writes.live];
  section(
    1,
    live.filter(([, needed]) => needed).map(([id]) => plainId(id)),
  );
  section(
    1,
    live.filter(([, needed]) => !needed).map(([id]) => plainId(id)),
  );
  section(
    3,
    writes.opened.flatMap(({ id, number, openedAt }) => [plainId(id), number, openedAt]),
  );

  args.push(writes.members.size);
  for (const [incident, members] of writes.members) {
    args.push(allKeys.push(keys.mem(incident)));
    const { set, remove } = split(members);
    section(2, set);
    section(1, remove);
  }
  args.push(writes.timeline.size);
  for (const [incident, lines] of writes.timeline) {
    args.push(allKeys.push(keys.tl(incident)));
    section(1, lines);
  }
  const { effects: handedOut, visibilityMs = 0 } = commit.handOut ?? {};
  section(
    8,
    writes.effects.flatMap((effect) => effectArgs(effect, handedOut?.has(effect.id) === true ? visibilityMs : 0)),
  );
  const dead = commit.deadLetter;
  section(4, dead === undefined ? [] : [dead.id, dead.body, dead.error, dead.attempts]);
  return { keys: allKeys, args };
}
