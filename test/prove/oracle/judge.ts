/**
 * The oracle: a pure function of what was acknowledged and what can be seen. It computes nothing with the code under
 * test; what must be there was written down with each scenario before it was sent.
 */
import type { Refusal, Truth } from '../workload/ledger.js';
import type { Statement } from '../workload/story.js';
import { checkAlerts, checkIncidents } from './incidents.js';
import { checkNotifications } from './notifications.js';
import type { ExpectedMatrix, Observation } from './observation.js';
import { checkLog, checkPartition } from './store.js';
import type { Violation } from './violation.js';

export interface Testimony {
  readonly truths: readonly Truth[];
  readonly statements: readonly Statement[];
  readonly events: ReadonlySet<string>;
  readonly refusals: readonly Refusal[];
  readonly matrix: ExpectedMatrix;
}

export function judge(testimony: Testimony, observation: Observation): Violation[] {
  const { truths, refusals, matrix } = testimony;
  return [
    ...refusals.map(({ delivery, status, body }): Violation => {
      return { kind: 'alert-refused', detail: `${delivery} was answered ${status} ${body}` };
    }),
    ...checkLog(testimony, observation.partitions),
    ...checkAlerts(truths, observation.incidents),
    ...checkIncidents(truths, observation.incidents),
    ...checkNotifications(truths, observation, matrix),
    ...observation.partitions.flatMap(checkPartition),
  ];
}
