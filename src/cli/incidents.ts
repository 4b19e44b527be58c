/** `tocsin incidents list|show`: incidents of a running daemon, as tables or JSON. */
import { formatDuration } from '../domain/duration.js';
import type { Incident } from '../domain/incident.js';
import { formatLabels } from '../domain/labels.js';
import { SEVERITY_NAMES } from '../domain/severity.js';
import type { IncidentDetail } from '../ports/store.js';
import { formatAge, formatTable, formatTime, printable } from './table.js';

export type OutputForm = 'table' | 'wide' | 'json';

export function renderIncidents(incidents: readonly Incident[], form: OutputForm, now: number): string {
  if (form === 'json') return JSON.stringify({ items: incidents }, null, 2);
  if (incidents.length === 0) return 'No incidents.';
  const heads = ['NUMBER', 'SEV', 'STATUS', 'AGE', 'ALERTS', 'RULE', 'KEY'];
  const wide = ['FIRING', 'STARTED', 'HINT', 'RUNBOOK', 'ID'];
  const rows = incidents.map((incident) => {
    const row = [
      incident.number,
      incident.severity,
      incident.status,
      formatAge(now - incident.openedAt),
      String(incident.memberCount),
      incident.rule,
      formatLabels(incident.key),
    ];
    if (form === 'table') return row;
    const { firingCount, startedAt, hint, runbook, id } = incident;
    return [...row, String(firingCount), formatTime(startedAt, now), hint ?? '-', runbook ?? '-', id];
  });
  return formatTable(form === 'wide' ? [...heads, ...wide] : heads, rows);
}

/** One incident for a person at 3 a.m., within 80 columns where the data allows it. */
export function renderIncident(detail: IncidentDetail, form: OutputForm, now: number): string {
  if (form === 'json') return JSON.stringify(detail, null, 2);
  const { incident, members, timeline } = detail;
  const lines = [
    `${incident.number}  ${incident.severity} ${SEVERITY_NAMES[incident.severity]}  ${incident.status.toUpperCase()}`,
    printable(incident.title),
    '',
    ...field('Rule', incident.rule),
    ...field('Key', formatLabels(incident.key)),
    ...field('Severity', `${incident.severity}: ${incident.severityReason}`),
    ...field('Hint', incident.hint),
    ...field('Runbook', incident.runbook),
    ...field('Started', `${formatTime(incident.startedAt, now)} (${formatAge(now - incident.startedAt)} ago)`),
    ...field('Opened', formatTime(incident.openedAt, now)),
    ...field('Resolved', incident.resolvedAt === undefined ? undefined : formatTime(incident.resolvedAt, now)),
    ...field('Re-opened', incident.reopened > 0 ? `${incident.reopened} times` : undefined),
    ...field('Merged into', incident.mergedInto),
    ...field('Alerts', `${incident.memberCount}, ${incident.firingCount} firing`),
    ...field('Id', incident.id),
  ];
  if (incident.hypotheses.length > 0) {
    lines.push('', 'WHY');
    for (const hypothesis of incident.hypotheses) {
      lines.push(`  ${hypothesis.rule} (anchor ${formatTime(hypothesis.anchorAt, now)})`);
      for (const piece of hypothesis.evidence) {
        const sign = piece.offset < 0 ? '' : '+';
        lines.push(`    ${sign}${formatDuration(piece.offset)}  ${printable(piece.step)}  ${printable(piece.ref)}`);
      }
      const more = hypothesis.evidenceCount - hypothesis.evidence.length;
      if (more > 0) lines.push(`    … and ${more} more`);
    }
  }
  lines.push('', 'ALERTS');
  const shown = form === 'wide' ? members : members.slice(0, 20);
  lines.push(
    indent(
      formatTable(
        ['ALERT', 'STARTED', 'STATE', 'AS', 'LABELS'],
        shown.map((member) => [
          member.name,
          formatTime(member.startsAt, now),
          member.endsAt === null
            ? 'firing'
            : `${member.endKind === 'stale' ? 'stale' : 'ended'} ${formatTime(member.endsAt, now)}`,
          member.as === 'evidence' ? member.via : 'attached',
          formatLabels(form === 'wide' ? member.labels : withoutName(member.labels)),
        ]),
      ),
    ),
  );
  if (members.length > shown.length) lines.push(`  … and ${members.length - shown.length} more: -o wide`);
  if (incident.notifications.length > 0) {
    lines.push('', 'NOTIFICATIONS');
    lines.push(
      indent(
        formatTable(
          ['ROLE', 'CHANNEL', 'SINK', 'WHAT', 'STATE', 'WHEN', 'WHY'],
          incident.notifications.map((notification) => [
            notification.role,
            notification.channel,
            notification.sink,
            notification.action,
            notification.status,
            notification.status === 'scheduled'
              ? `due ${formatTime(notification.dueAt, now)}`
              : formatTime(notification.at ?? notification.dueAt, now),
            notification.reason ?? '',
          ]),
        ),
      ),
    );
  }
  lines.push('', 'TIMELINE');
  for (const entry of timeline) {
    const late = entry.knownAt - entry.at > 1_000 ? ` (known ${formatTime(entry.knownAt, now)})` : '';
    lines.push(`  ${formatTime(entry.at, now)}  ${entry.type.padEnd(10)} ${printable(entry.text)}${late}`);
  }
  return lines.join('\n');
}

function field(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${`${name}:`.padEnd(12)} ${printable(value)}`];
}

function indent(block: string): string {
  return block
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

function withoutName(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== 'alertname' && name !== 'severity'));
}
