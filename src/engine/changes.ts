/**
 * What a batch changed, as marks on the things themselves: each dirty thing is serialised once a batch, however often
 * it changed. Valid only together with the state that was returned with it.
 */
import type { Effect } from '../domain/effect.js';
import type { TimelineEntry } from '../domain/incident.js';
import type { Labels } from '../domain/labels.js';
import type { Episode, EventRecord, IncidentRecord, Series } from './model.js';

/** Longest text of a timeline row. */
const MAX_TEXT = 300;

export class ChangeSet {
  readonly series = new Set<Series>();
  readonly events = new Set<EventRecord>();
  /** State fields to delete. */
  readonly dropped = new Set<string>();
  readonly incidents = new Set<IncidentRecord>();
  readonly live = new Map<string, boolean>();
  readonly opened: IncidentRecord[] = [];
  /** Episodes whose member record must be written. */
  readonly members = new Set<Episode>();
  /** Records of members that moved on to another incident within the batch: incident id -> episode id -> record. */
  readonly membersBefore = new Map<string, Map<string, string>>();
  /** incident id -> episode ids whose member record goes. */
  readonly membersGone = new Map<string, Set<string>>();
  /** fingerprint -> annotations and link; null deletes. */
  readonly details = new Map<string, { readonly annotations: Labels; readonly url: string | undefined } | null>();
  readonly timeline = new Map<string, string[]>();
  readonly effects: Effect[] = [];
  meta = false;

  /** Adds a row to an incident's timeline. The text is cut, since alert names are part of it. */
  record(incident: string, entry: TimelineEntry): void {
    const text = entry.text.length > MAX_TEXT ? `${entry.text.slice(0, MAX_TEXT - 1)}…` : entry.text;
    const row = JSON.stringify({ ...entry, text });
    const rows = this.timeline.get(incident);
    if (rows === undefined) this.timeline.set(incident, [row]);
    else rows.push(row);
  }

  /** Keeps what a member's record is now, because the member is about to belong elsewhere. */
  keepMember(incident: string, episode: string, blob: string): void {
    const kept = this.membersBefore.get(incident);
    if (kept === undefined) this.membersBefore.set(incident, new Map([[episode, blob]]));
    else kept.set(episode, blob);
  }

  forgetMember(incident: string, episode: string): void {
    const gone = this.membersGone.get(incident);
    if (gone === undefined) this.membersGone.set(incident, new Set([episode]));
    else gone.add(episode);
  }
}
