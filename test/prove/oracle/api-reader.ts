/** Reads the incidents as a person would: over the API of a running replica. */
import { withoutSource } from '../storage/partition-reader.js';
import type { SeenIncident, SeenMember, SeenNotification } from './observation.js';

const LIST_LIMIT = 1_000;
const AT_ONCE = 8;
const TIMEOUT_MS = 5_000;

interface Detail {
  readonly incident: Omit<SeenIncident, 'members' | 'events' | 'notifications' | 'timeline'> & {
    readonly events: readonly { readonly id: string }[];
    readonly notifications: readonly SeenNotification[];
  };
  readonly members: readonly {
    readonly episode: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly startsAt: number;
    readonly endsAt: number | null;
  }[];
  readonly timeline: readonly { readonly type: string }[];
}

async function getJson(address: string): Promise<unknown> {
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status !== 200) throw new Error(`${address} answered ${response.status} ${await response.text()}`);
  return response.json();
}

function toSeen({ incident, members, timeline }: Detail): SeenIncident {
  return {
    ...incident,
    members: members.map((member): SeenMember => ({
      episode: member.episode,
      alert: member.labels['proof_alert'],
      startsAt: member.startsAt,
      endsAt: member.endsAt,
    })),
    events: incident.events.map((event) => withoutSource(event.id)),
    timeline: timeline.map((entry) => entry.type),
  };
}

/** All ids that the list of the API gives. */
export async function listIncidents(base: string): Promise<string[]> {
  const page = (await getJson(`${base}/api/v1/incidents?limit=${LIST_LIMIT}`)) as { items: { id: string }[] };
  return page.items.map((incident) => incident.id);
}

/** The incidents of these ids, in full. */
export async function readIncidents(base: string, ids: readonly string[]): Promise<SeenIncident[]> {
  const seen: SeenIncident[] = [];
  const left = [...ids];
  const read = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      seen.push(toSeen((await getJson(`${base}/api/v1/incidents/${encodeURIComponent(id)}`)) as Detail));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, read));
  return seen;
}
