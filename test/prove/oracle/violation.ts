/** The kinds of violation, by the invariant they break. Every count of the final table is a count of one of these. */

export const VIOLATION_KINDS = {
  'alert-refused': 'I1 a delivery was answered with something else than 202 or 503',
  'log-entry-lost': 'I1 acknowledged, but not in the input log',
  'alert-lost': 'I1 acknowledged, but in no incident',
  'alert-twice': 'I1 in more than one incident, or more than once in one',
  'incident-missing': 'I2 no incident for a scenario',
  'incident-extra': 'I2 an incident that no scenario explains',
  'incident-members': 'I3 wrong members',
  'incident-verdict': 'I3 wrong rule, severity, status or evidence',
  'incident-number': 'I3 two incidents with one number',
  'notification-lost': 'I4 asked for by the matrix, not at the receiver, and no good reason',
  'notification-unsettled': 'I4 past due and still scheduled, or failed',
  'notification-unmarked': 'I4 at the receiver, but the incident does not say so, or the reverse',
  'notification-wrong': 'I4 told somebody who must not be told',
  'page-after-resolve': 'I4 triggered again at the receiver after its resolve',
  'fence-backwards': 'I6 a commit with an older fence after a newer one',
  'commit-gap': 'I6 commits that do not join: entries skipped or applied twice',
  'cursor-behind': 'I7 entries not applied at the end',
  'outbox-left': 'I7 effects left in the outbox at the end',
  'dead-letter': 'I7 an entry in the dead letters',
} as const;

export type ViolationKind = keyof typeof VIOLATION_KINDS;

export interface Violation {
  readonly kind: ViolationKind;
  readonly detail: string;
}
