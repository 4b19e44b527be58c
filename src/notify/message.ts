/**
 * Renders an effect and its incident into the one Notification that all sinks map to their payload. Pure. All foreign
 * text becomes bounded single lines here; escaping for the receiver's markup is the sink's work.
 */
import { formatDuration } from '../domain/duration.js';
import { dedupKey, type Effect } from '../domain/effect.js';
import { FALLBACK_RULE, type Incident } from '../domain/incident.js';
import { formatLabels, type Labels } from '../domain/labels.js';
import { plainLine } from '../domain/text.js';
import type { Notification } from '../ports/sink.js';

const LIMITS = {
  headline: 300,
  title: 300,
  name: 200,
  hint: 1_000,
  runbook: 500,
  key: 10,
  alertNames: 20,
  reason: 300,
};

export interface MessageSettings {
  /** Address of the daemon for people, with or without a slash at its end. */
  readonly externalUrl: string;
}

export function renderNotification(effect: Effect, incident: Incident, settings: MessageSettings): Notification {
  const key = boundLabels(incident.key);
  const service = key['service'];
  const triggerRef = findTriggerRef(effect, incident);
  return {
    effect: effect.id,
    action: effect.action,
    role: effect.role,
    channel: effect.channel,
    dedupKey: dedupKey(effect),
    incident: incident.id,
    number: incident.number,
    severity: incident.severity,
    status: incident.status,
    headline: renderHeadline(effect, incident, key),
    title: plainLine(incident.title, LIMITS.title),
    rule: plainLine(incident.rule, LIMITS.name),
    ...(incident.hint !== undefined && { hint: plainLine(incident.hint, LIMITS.hint) }),
    ...(incident.runbook !== undefined && { runbook: plainLine(incident.runbook, LIMITS.runbook) }),
    key,
    ...(service !== undefined && { service }),
    alertNames: boundAlertNames(incident.alertNames),
    memberCount: incident.memberCount,
    firingCount: incident.firingCount,
    startedAt: incident.startedAt,
    openedAt: incident.openedAt,
    ...(incident.resolvedAt !== undefined && { resolvedAt: incident.resolvedAt }),
    reason: plainLine(effect.reason, LIMITS.reason),
    link: `${settings.externalUrl.replace(/\/+$/, '')}/api/v1/incidents/${encodeURIComponent(incident.number)}`,
    ...(triggerRef !== undefined && { triggerRef }),
  };
}

/** `[P1] checkout: database_cascade (3 alerts)`; `[P1] RESOLVED checkout: database_cascade (3 alerts, after 12m)` */
function renderHeadline(effect: Effect, incident: Incident, key: Labels): string {
  const where = key['service'] ?? formatLabels(key);
  const names = Object.keys(incident.alertNames);
  const what = incident.rule === FALLBACK_RULE ? names.slice(0, 3).join(', ') || incident.title : incident.rule;
  const count = `${incident.memberCount} ${incident.memberCount === 1 ? 'alert' : 'alerts'}`;
  const ended = effect.action === 'resolve' ? endWord(incident) : '';
  const text = `[${incident.severity}] ${ended}${where}: ${what} (${count}${lasted(effect, incident)})`;
  return plainLine(text, LIMITS.headline);
}

function endWord(incident: Incident): string {
  return incident.status === 'merged' ? 'MERGED ' : 'RESOLVED ';
}

function lasted(effect: Effect, incident: Incident): string {
  if (effect.action !== 'resolve' || incident.resolvedAt === undefined) return '';
  const seconds = Math.max(0, Math.round((incident.resolvedAt - incident.startedAt) / 1000));
  return `, after ${formatDuration(seconds * 1000)}`;
}

function boundLabels(labels: Labels): Labels {
  const entries = Object.entries(labels).slice(0, LIMITS.key);
  return Object.fromEntries(
    entries.map(([name, value]) => [plainLine(name, LIMITS.name), plainLine(value, LIMITS.name)]),
  );
}

/** The most frequent names first; as many as a message can show. */
function boundAlertNames(names: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(names).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.slice(0, LIMITS.alertNames).map(([name, count]) => [plainLine(name, LIMITS.name), count]),
  );
}

/** Where the latest sent trigger of the same lane went: a resolve answers there. */
function findTriggerRef(effect: Effect, incident: Incident): Readonly<Record<string, string>> | undefined {
  const sent = incident.notifications.filter(
    (state) =>
      state.action === 'trigger' &&
      state.status === 'sent' &&
      state.generation === effect.generation &&
      state.role === effect.role &&
      state.channel === effect.channel,
  );
  return sent.at(-1)?.ref;
}
