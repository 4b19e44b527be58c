/** Alerts about ourselves. They take the same path as all others, so that they open incidents and page. */
import type { AlertUpdate } from '../domain/alert.js';
import type { EngineState } from './state.js';
import { OPEN } from './model.js';

/** Source of these alerts, and their service. */
export const SELF = 'tocsin';

const MAX_ERROR = 500;

/** An entry of the log could not be decided and went to the dead letters. Ends when it is re-driven, or goes stale. */
export function poisonAlert(entry: string, error: string): AlertUpdate {
  return selfAlert('TocsinPoisonEntry', entry, {
    summary: `An accepted entry could not be applied and is in the dead letters: ${entry}`,
    entry,
    error: error.slice(0, MAX_ERROR),
  });
}

/** The end of the alert above, when the entry was sent again; null when there is none firing. */
export function recoveredAlert(state: EngineState, entry: string): AlertUpdate | null {
  const firing = poisonAlert(entry, '');
  if (state.series.get(firing.fingerprint)?.current.end !== OPEN) return null;
  return { ...firing, annotations: {}, status: 'resolved' };
}

export function seriesLimitAlert(limit: number): AlertUpdate {
  return selfAlert('TocsinSeriesLimit', '', {
    summary: `There are ${limit} alert series in memory; further ones below P1 are not taken in. Raise engine.max_series`,
  });
}

function selfAlert(name: string, part: string, annotations: Record<string, string>): AlertUpdate {
  return {
    fingerprint: `${SELF}:${name}${part === '' ? '' : `:${part}`}`,
    name,
    labels: { alertname: name, service: SELF, ...(part === '' ? {} : { entry: part }) },
    annotations,
    status: 'firing',
    severity: 'critical',
  };
}
