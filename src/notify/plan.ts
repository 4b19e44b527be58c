/**
 * Plans the notifications of an incident: which effects the outbox gets when an incident opens, changes its severity,
 * and ends. Pure: the same incident at the same time gives the same effects with the same ids.
 */
import { formatDuration } from '../domain/duration.js';
import { EFFECT_VERSION, type Effect } from '../domain/effect.js';
import { hashId } from '../domain/ids.js';
import type { Incident, NotificationState } from '../domain/incident.js';
import { compareSeverity, type Severity } from '../domain/severity.js';
import type { NotifySettings } from './matrix.js';

export { DEFAULT_MATRIX, type Matrix, type MatrixCell, type NotifySettings } from './matrix.js';

/** Sink of a channel that no configured sink serves. */
const FALLBACK_SINK = 'log';

/**
 * The notifications that the incident's current severity asks for.
 *
 * Call it when the incident opens or re-opens (`previous` null) and at every change of its severity, after the change.
 * A rise plans the whole row, also for those who were told before: the news is the rise. A fall plans the row without
 * those who already got a message in this generation. One that is still on its way is planned again, because its worker
 * will skip it (see recheck.ts); should it be sent nevertheless, the new one is skipped.
 */
export function planTriggers(
  incident: Incident,
  previous: Severity | null,
  now: number,
  settings: NotifySettings,
): Effect[] {
  const { severity } = incident;
  if (previous === severity) return [];
  const fell = previous !== null && compareSeverity(severity, previous) > 0;
  const cause = describeCause(incident, previous);
  const effects: Effect[] = [];
  for (const [role, cell] of Object.entries(settings.matrix[severity] ?? {})) {
    for (const channel of new Set(cell.channels)) {
      if (fell && wasTold(incident, role, channel)) continue;
      const when = cell.delayMs === 0 ? 'at once' : `after ${formatDuration(cell.delayMs)}`;
      effects.push(
        buildEffect(incident, settings, {
          action: 'trigger',
          role,
          channel,
          sink: settings.sinkOf[channel] ?? FALLBACK_SINK,
          plannedAt: now,
          dueAt: now + cell.delayMs,
          reason: `${cause}: ${severity} tells ${role} by ${channel} ${when}`,
        }),
      );
    }
  }
  return effects;
}

/**
 * One resolve for each lane (role and channel) of this generation whose trigger was due by now. A trigger that was not
 * due has told nobody, and its worker will skip it. Call it when the incident is resolved or merged; a second call plans nothing.
 */
export function planResolves(incident: Incident, now: number, settings: NotifySettings): Effect[] {
  const planned = incident.notifications.filter((state) => state.generation === incident.generation);
  const done = new Set(planned.filter((state) => state.action === 'resolve').map(laneName));
  const ended = incident.status === 'merged' ? 'merged' : 'resolved';
  const effects: Effect[] = [];
  for (const state of planned) {
    if (state.action !== 'trigger' || state.dueAt > now || done.has(laneName(state))) continue;
    done.add(laneName(state));
    effects.push(
      buildEffect(incident, settings, {
        action: 'resolve',
        role: state.role,
        channel: state.channel,
        // where the trigger went, even if the configuration has changed since
        sink: state.sink,
        plannedAt: now,
        dueAt: now,
        reason: `${ended}: tells ${state.role} by ${state.channel}, as the opening did`,
      }),
    );
  }
  return effects;
}

function describeCause(incident: Incident, previous: Severity | null): string {
  if (previous === null) return incident.generation === 0 ? 'opened' : 're-opened';
  const rose = compareSeverity(incident.severity, previous) < 0;
  return `${rose ? 'raised' : 'lowered'} ${previous} -> ${incident.severity}`;
}

function wasTold(incident: Incident, role: string, channel: string): boolean {
  return incident.notifications.some(
    (state) =>
      state.generation === incident.generation &&
      state.action === 'trigger' &&
      state.role === role &&
      state.channel === channel &&
      state.status === 'sent',
  );
}

function laneName(state: Pick<NotificationState, 'role' | 'channel'>): string {
  return JSON.stringify([state.channel, state.role]);
}

type Draft = Pick<Effect, 'action' | 'role' | 'channel' | 'sink' | 'plannedAt' | 'dueAt' | 'reason'>;

function buildEffect(incident: Incident, settings: NotifySettings, draft: Draft): Effect {
  return {
    v: EFFECT_VERSION,
    id: nextId(incident, draft),
    kind: 'notify',
    incident: incident.id,
    generation: incident.generation,
    lane: `${incident.id}.${incident.generation}.${draft.channel}.${draft.role}`,
    severity: incident.severity,
    expiresAt: draft.dueAt + settings.expireAfterMs,
    ...draft,
  };
}

/** A severity can be reached more than once in one generation (P1, P2, P1 again): each time is another effect. */
function nextId(incident: Incident, draft: Draft): string {
  const taken = new Set(incident.notifications.map((state) => state.effect));
  for (let round = 0; ; round += 1) {
    const { id, generation, severity } = incident;
    const effect = `n${hashId(id, generation, severity, draft.action, draft.role, draft.channel, round)}`;
    if (!taken.has(effect)) return effect;
  }
}
