/** The record of a member in the store: what people see of it in the incident. */
import type { MemberRecord } from '../ports/store.js';
import { type Episode, OPEN } from './model.js';

export function encodeMember(episode: Episode): string {
  const { series, severity, evidenceOf } = episode;
  const ended = episode.end !== OPEN;
  const member: MemberRecord = {
    episode: episode.id,
    fingerprint: series.fingerprint,
    name: series.name,
    source: series.source,
    labels: series.labels,
    ...(severity === undefined ? {} : { severity }),
    startsAt: episode.at,
    endsAt: ended ? episode.end : null,
    ...(ended ? { endKind: episode.stale ? 'stale' : 'explicit' } : {}),
    joinedAt: episode.joinedAt,
    as: evidenceOf === null ? 'attached' : 'evidence',
    via: evidenceOf === null ? 'key' : evidenceOf.join(', '),
  };
  return JSON.stringify(member);
}
