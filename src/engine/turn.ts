/** The work on one input or one timer: what the stages share while it lasts. */
import type { TimelineEntry } from '../domain/incident.js';
import type { Severity } from '../domain/severity.js';
import type { ChangeSet } from './changes.js';
import type { EngineContext } from './context.js';
import type { Episode, IncidentRecord, Occurrence } from './model.js';
import type { EngineState } from './state.js';

/** How an incident was before the turn; the difference is what must be told. */
export interface Touch {
  opened: boolean;
  reopened: boolean;
  readonly severity: Severity;
  readonly rule: string;
}

export interface Turn {
  readonly context: EngineContext;
  readonly state: EngineState;
  readonly changes: ChangeSet;
  readonly now: number;
  readonly touched: Map<IncidentRecord, Touch>;
  /** Occurrences to look at again, in the order of the input. */
  readonly pending: Set<Occurrence>;
  /** Of those, episodes that may need an incident. */
  readonly homeless: Set<Episode>;
}

export function startTurn(context: EngineContext, state: EngineState, changes: ChangeSet, now: number): Turn {
  return { context, state, changes, now, touched: new Map(), pending: new Set(), homeless: new Set() };
}

/** Call before changing an incident. */
export function touch(turn: Turn, incident: IncidentRecord): Touch {
  let before = turn.touched.get(incident);
  if (before === undefined) {
    before = { opened: false, reopened: false, severity: incident.head.severity, rule: incident.head.rule };
    turn.touched.set(incident, before);
    turn.changes.incidents.add(incident);
  }
  return before;
}

/** A row of the timeline; `at` is when it happened, by default now. */
export function record(
  turn: Turn,
  incident: IncidentRecord,
  type: TimelineEntry['type'],
  text: string,
  more: { readonly at?: number; readonly data?: Readonly<Record<string, unknown>> } = {},
): void {
  const { at = turn.now, data } = more;
  const entry = { at, knownAt: turn.now, type, text };
  turn.changes.record(incident.head.id, data === undefined ? entry : { ...entry, data });
}
