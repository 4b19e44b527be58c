/** Compares what the API of the daemon shows with what the witness wrote down. */
import type { IncidentDetail } from '../../src/ports/store.js';
import { until } from '../bench/processes.js';
import type { Checklist } from './checklist.js';
import { readEpisode, readIncidents, readQuarantine, type DaemonHome } from './daemon.js';
import { GROUP_INTERVAL_S } from './senders.js';
import type { HeldEpisode, Witness } from './witness.js';

/** Alertmanager tells at its next group_interval, and repeats a failed request before that: allow several. */
const PATIENCE_MS = GROUP_INTERVAL_S * 1000 * 9;
/** A fault that disappears is seen by the next scrape and the next evaluation. */
const END_TOLERANCE_MS = 6_000;

export interface Judge {
  /** The service has exactly one incident and it comes to satisfy `holds`. */
  eventually(what: string, service: string, holds: (detail: IncidentDetail) => boolean): Promise<void>;
  members(service: string, names: readonly string[]): Promise<void>;
  /** The members (named ones or all) have ended, at the time the fault disappeared and not after `before`. */
  ended(service: string, what: string, before: number, names?: readonly string[]): Promise<void>;
  /** Each is a member of an incident, except those (`alert/service`) that the daemon heard of only when they were over. */
  everyEpisodeArrived(except: readonly string[]): Promise<void>;
  /** The alert was first heard of when it was over: it is in the daemon's state, with both its times. */
  recordedAsOver(alert: string, service: string): Promise<void>;
  idsByService(): Promise<ReadonlyMap<string, string>>;
  sameIncidents(before: ReadonlyMap<string, string>): Promise<void>;
  nothingOpenFor(service: string, what: string): Promise<void>;
  nothingDoubled(services: readonly string[]): Promise<void>;
  nothingRefused(): Promise<void>;
}

function servicesOf(detail: IncidentDetail): readonly string[] {
  return [...new Set(detail.members.map(({ labels }) => labels['service'] ?? ''))];
}

function summary(details: readonly IncidentDetail[]): unknown {
  return details.map(({ incident, members }) => ({
    number: incident.number,
    rule: incident.rule,
    severity: incident.severity,
    status: incident.status,
    members: members.map(({ name, startsAt, endsAt }) => ({ name, startsAt, endsAt })),
  }));
}

/** The member that stands for the held episode: the same series, and begun then or firing then (a hidden flap joins it). */
function standsFor(member: IncidentDetail['members'][number], held: HeldEpisode): boolean {
  if (!member.fingerprint.endsWith(held.fingerprint)) return false;
  return (
    Math.abs(member.startsAt - held.startsAt) <= 1 ||
    (member.startsAt < held.startsAt && (member.endsAt === null || member.endsAt >= held.startsAt))
  );
}

export function createJudge(home: DaemonHome, witness: Witness, list: Checklist): Judge {
  async function ofService(service: string): Promise<readonly IncidentDetail[]> {
    return (await readIncidents(home)).filter(
      (detail) => detail.incident.status !== 'merged' && servicesOf(detail).includes(service),
    );
  }
  async function eventually(what: string, service: string, holds: (detail: IncidentDetail) => boolean): Promise<void> {
    let latest: readonly IncidentDetail[] = [];
    const ok = await until(
      what,
      PATIENCE_MS,
      async () => {
        latest = await ofService(service);
        return latest.length === 1 && latest.every(holds);
      },
      250,
    ).catch(() => false);
    list.check(what, ok, summary(latest));
  }
  return {
    eventually,
    members: (service, names) =>
      eventually(`${service} has exactly these members: ${names.join(', ')}`, service, ({ incident, members }) => {
        const found = members.map(({ name }) => name).sort();
        return incident.memberCount === names.length && JSON.stringify(found) === JSON.stringify([...names].sort());
      }),
    ended: (service, what, before, names) =>
      eventually(what, service, ({ members }) => {
        const concerned = members.filter(({ name }) => names === undefined || names.includes(name));
        return (
          concerned.length > 0 &&
          concerned.every(({ name, endsAt, endKind }) => {
            const truth = witness.endedAt(name, service);
            if (truth === undefined || endsAt === null || endKind !== 'explicit') return false;
            return Math.abs(endsAt - truth) <= END_TOLERANCE_MS && endsAt <= before + END_TOLERANCE_MS;
          })
        );
      }),
    async everyEpisodeArrived(except) {
      const expected = witness.episodes().filter(({ alert, service }) => !except.includes(`${alert}/${service}`));
      let missing: readonly HeldEpisode[] = expected;
      await until('every episode arrived', PATIENCE_MS, async () => {
        const members = (await readIncidents(home)).flatMap((detail) => detail.members);
        missing = expected.filter((held) => !members.some((member) => standsFor(member, held)));
        return missing.length === 0;
      }).catch(() => undefined); // the check below shows what is missing
      list.check(
        `all ${expected.length} alerts that Alertmanager held arrived`,
        missing.length === 0 && expected.length > 0,
        missing,
      );
    },
    async recordedAsOver(alert, service) {
      const held = witness.episodes().find((each) => each.alert === alert && each.service === service);
      const truth = witness.endedAt(alert, service);
      const [at, end] = held === undefined ? [] : await readEpisode(home, held.fingerprint);
      const ok =
        held !== undefined &&
        truth !== undefined &&
        at === held.startsAt &&
        typeof end === 'number' &&
        Math.abs(end - truth) <= END_TOLERANCE_MS;
      list.check(`${alert} of ${service}, heard of only when it was over, is recorded with both its times`, ok, {
        held,
        truth,
        at,
        end,
      });
    },
    async idsByService() {
      const details = await readIncidents(home);
      return new Map(
        details.flatMap((detail) => servicesOf(detail).map((service) => [service, detail.incident.id] as const)),
      );
    },
    async sameIncidents(before) {
      const changed: string[] = [];
      for (const [service, id] of before) {
        const now = await ofService(service);
        if (now.length !== 1 || now[0]?.incident.id !== id) changed.push(service);
      }
      list.check(
        'the incidents of before are the same ones (same ids)',
        before.size > 0 && changed.length === 0,
        changed,
      );
    },
    async nothingOpenFor(service, what) {
      const open = (await ofService(service)).filter(({ incident }) => incident.status === 'open');
      list.check(what, open.length === 0, summary(open));
    },
    async nothingDoubled(services) {
      const details = await readIncidents(home);
      for (const service of services) {
        const own = details.filter(
          (detail) => detail.incident.status !== 'merged' && servicesOf(detail).includes(service),
        );
        list.check(`${service} has exactly one incident`, own.length === 1, summary(own));
      }
      const episodes = details.flatMap(({ members }) => members.map(({ episode }) => episode));
      const twice = episodes.filter((episode, at) => episodes.indexOf(episode) !== at);
      list.check('no alert is in two incidents', twice.length === 0, twice);
      const pages = details.flatMap(({ incident }) =>
        incident.notifications.map(
          ({ generation, action, role, channel, severity }) =>
            `${incident.number} generation ${generation} ${action} ${role} ${channel} ${severity}`,
        ),
      );
      const repeated = pages.filter((page, at) => pages.indexOf(page) !== at);
      list.check(
        `no notification of ${pages.length} was planned twice`,
        repeated.length === 0 && pages.length > 0,
        repeated,
      );
    },
    async nothingRefused() {
      const kept = await readQuarantine(home);
      list.check('the daemon refused no body', kept.length === 0, kept);
    },
  };
}
