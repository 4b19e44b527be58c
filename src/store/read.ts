/** Incidents for the API. Reads only; a list may mix moments, a head is always one commit's. */
import type { Incident, TimelineEntry } from '../domain/incident.js';
import type { IncidentDetail, IncidentQuery, IncidentReader, MemberRecord } from '../ports/store.js';
import type { Connection } from './connect.js';
import type { PartitionKeys } from './keys.js';

const PAGE = 200;
const MEMBERS_SHOWN = 1_000;
/** The newest lines of a timeline. */
const TIMELINE_SHOWN = 2_000;

type MemberDetail = IncidentDetail['members'][number];

/** What the engine keeps in `det`. */
interface Details {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly url?: string;
}

function newestFirst(a: Incident, b: Incident): number {
  return b.openedAt - a.openedAt || (a.id < b.id ? 1 : -1);
}

export function createReader(connection: Connection, partitions: readonly PartitionKeys[]): IncidentReader {
  async function heads(keys: PartitionKeys, ids: readonly string[]): Promise<Incident[]> {
    if (ids.length === 0) return [];
    const found = await connection.run('read incidents', (redis) => redis.hmget(keys.inc, ...ids));
    return found.flatMap((head) => (head === null ? [] : [JSON.parse(head) as Incident]));
  }

  /** An open incident is always live, so that they are found without going through all that ever were. */
  async function listOpen(keys: PartitionKeys, limit: number): Promise<Incident[]> {
    const ids = await connection.run('read incidents', (redis) => redis.smembers(keys.live));
    const open: Incident[] = [];
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = await heads(keys, ids.slice(at, at + PAGE));
      open.push(...page.filter(({ status }) => status === 'open'));
    }
    return open.sort(newestFirst).slice(0, limit);
  }

  async function listByTime(keys: PartitionKeys, { status, limit }: IncidentQuery): Promise<Incident[]> {
    const chosen: Incident[] = [];
    for (let at = 0; chosen.length < limit; at += PAGE) {
      const ids = await connection.run('read incidents', (redis) => redis.zrevrange(keys.incs, at, at + PAGE - 1));
      const page = await heads(keys, ids);
      chosen.push(...page.filter((incident) => status === undefined || incident.status === status));
      if (ids.length < PAGE) break;
    }
    return chosen.slice(0, limit);
  }

  async function membersOf(keys: PartitionKeys, incident: string): Promise<MemberDetail[]> {
    const members = new Map<string, MemberRecord>();
    let from = '0';
    do {
      const [next, page] = await connection.run('read the members', (redis) =>
        redis.hscan(keys.mem(incident), from, 'COUNT', MEMBERS_SHOWN),
      );
      for (let i = 0; i + 1 < page.length; i += 2) {
        members.set(page[i] as string, JSON.parse(page[i + 1] as string) as MemberRecord);
      }
      from = next;
    } while (from !== '0' && members.size < MEMBERS_SHOWN);
    const shown = [...members.values()].sort((a, b) => a.startsAt - b.startsAt).slice(0, MEMBERS_SHOWN);
    if (shown.length === 0) return [];
    const details = await connection.run('read the details of members', (redis) =>
      redis.hmget(keys.det, ...shown.map(({ fingerprint }) => fingerprint)),
    );
    return shown.map((member, index) => {
      const detail = details[index];
      if (detail === null || detail === undefined) return member;
      const { annotations, url } = JSON.parse(detail) as Details;
      return {
        ...member,
        ...(annotations === undefined ? {} : { annotations }),
        ...(url === undefined ? {} : { url }),
      };
    });
  }

  return {
    async list(query) {
      const lists = await Promise.all(
        partitions.map((keys) => (query.status === 'open' ? listOpen(keys, query.limit) : listByTime(keys, query))),
      );
      return lists.flat().sort(newestFirst).slice(0, query.limit);
    },

    async get(idOrNumber) {
      for (const keys of partitions) {
        const byNumber = await connection.run('read an incident', (redis) => redis.hget(keys.num, idOrNumber));
        const id = byNumber ?? idOrNumber;
        const [incident] = await heads(keys, [id]);
        if (incident === undefined) continue;
        const members = await membersOf(keys, id);
        const lines = await connection.run('read the timeline', (redis) =>
          redis.lrange(keys.tl(id), -TIMELINE_SHOWN, -1),
        );
        return { incident, members, timeline: lines.map((line) => JSON.parse(line) as TimelineEntry) };
      }
      return null;
    },
  };
}
