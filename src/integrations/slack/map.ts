/** Notification -> arguments of Slack's chat.postMessage. Pure. Limits: header 150, section 3,000, field 2,000, url 3,000. */
import { formatLabels } from '../../domain/labels.js';
import { SEVERITY_NAMES, type Severity } from '../../domain/severity.js';
import type { Notification } from '../../ports/sink.js';
import { escapeText } from './text.js';

/** Event type of our message metadata; its payload carries the id of the effect, by which we find our own messages. */
export const METADATA_TYPE = 'tocsin_notification';

interface Text {
  readonly type: 'plain_text' | 'mrkdwn';
  readonly text: string;
  readonly verbatim?: boolean;
  readonly emoji?: boolean;
}

interface Button {
  readonly type: 'button';
  readonly text: Text;
  readonly url: string;
}

export type Block =
  | { readonly type: 'header'; readonly text: Text }
  | { readonly type: 'section'; readonly text: Text }
  | { readonly type: 'section'; readonly fields: Text[] }
  | { readonly type: 'context'; readonly elements: Text[] }
  | { readonly type: 'actions'; readonly elements: Button[] };

export interface SlackMessage {
  readonly channel: string;
  readonly text: string;
  readonly attachments: { readonly color: string; readonly blocks: Block[] }[];
  readonly metadata: { readonly event_type: string; readonly event_payload: Readonly<Record<string, string>> };
  readonly unfurl_links: false;
  readonly unfurl_media: false;
  readonly thread_ts?: string;
}

export interface MessageTarget {
  readonly channel: string;
  /** Message to answer under. */
  readonly thread?: string;
  /** An earlier attempt may have posted this already, and we could not look: say so. */
  readonly mayRepeat: boolean;
}

const COLOURS: Readonly<Record<Severity, string>> = {
  P0: '#FF0000',
  P1: '#FFA500',
  P2: '#FFFF00',
  P3: '#00FF00',
  P4: '#0000FF',
};
const ENDED_COLOUR = '#2EB67D';

export function buildSlackMessage(notification: Notification, target: MessageTarget): SlackMessage {
  const repeat = target.mayRepeat ? '(may repeat) ' : '';
  const ended = notification.action === 'resolve';
  return {
    channel: target.channel,
    text: escapeText(`${repeat}${notification.headline}`, 1_000),
    attachments: [
      {
        color: ended ? ENDED_COLOUR : COLOURS[notification.severity],
        blocks: [
          { type: 'header', text: buildHeader(notification, repeat) },
          { type: 'section', fields: buildFields(notification) },
          { type: 'section', text: markup(buildSummary(notification)) },
          {
            type: 'context',
            elements: [markup(`Sent to ${escapeText(`${notification.role}: ${notification.reason}`, 500)}`)],
          },
          ...buildActions(notification),
        ],
      },
    ],
    metadata: { event_type: METADATA_TYPE, event_payload: buildMetadata(notification) },
    unfurl_links: false,
    unfurl_media: false,
    ...(target.thread !== undefined && { thread_ts: target.thread }),
  };
}

function buildMetadata(notification: Notification): Record<string, string> {
  const { effect, incident, dedupKey, action, role } = notification;
  return { effect, incident, dedup_key: dedupKey, action, role };
}

function buildHeader(notification: Notification, repeat: string): Text {
  const word = notification.action === 'trigger' ? 'INCIDENT' : endWord(notification);
  return { type: 'plain_text', text: escapeText(`${repeat}${word}: ${notification.title}`, 150), emoji: false };
}

function endWord(notification: Notification): string {
  return notification.status === 'merged' ? 'MERGED' : 'RESOLVED';
}

function buildFields(notification: Notification): Text[] {
  const { severity } = notification;
  const where: [string, string] =
    notification.service === undefined ? ['Key', formatLabels(notification.key)] : ['Service', notification.service];
  const fields: [string, string][] = [
    ['ID', notification.number],
    ['Severity', `${severity} (${SEVERITY_NAMES[severity]})`],
    ['Status', notification.status],
    where,
    ['Rule', notification.rule],
    ['Alerts', `${notification.memberCount} (${notification.firingCount} firing)`],
    ['Started', slackTime(notification.startedAt)],
  ];
  if (notification.resolvedAt !== undefined) fields.push(['Resolved', slackTime(notification.resolvedAt)]);
  return fields.map(([name, value]) => markup(`*${name}:* ${escapeText(value, 500)}`));
}

function buildSummary(notification: Notification): string {
  const names = Object.entries(notification.alertNames).map(([name, count]) =>
    count > 1 ? `${name} ×${count}` : name,
  );
  const lines = [`*Summary:* ${escapeText(notification.headline, 400)}`];
  if (names.length > 0) lines.push(`*Alerts:* ${escapeText(names.join(', '), 800)}`);
  if (notification.hint !== undefined) lines.push(`*Hint:* ${escapeText(notification.hint, 1_000)}`);
  if (notification.runbook !== undefined) lines.push(`*Runbook:* ${escapeText(notification.runbook, 500)}`);
  return lines.join('\n');
}

function buildActions(notification: Notification): Block[] {
  const buttons: Button[] = [];
  addButton(buttons, 'View Incident', notification.link);
  if (notification.runbook !== undefined) addButton(buttons, 'Open Runbook', notification.runbook);
  return buttons.length === 0 ? [] : [{ type: 'actions', elements: buttons }];
}

function addButton(buttons: Button[], label: string, url: string): void {
  if (!/^https?:\/\/\S+$/i.test(url) || url.length > 3_000) return;
  buttons.push({ type: 'button', text: { type: 'plain_text', text: label }, url });
}

/** `text` is escaped and bounded already. Verbatim: Slack makes no links or mentions of what only looks like one. */
function markup(text: string): Text {
  return { type: 'mrkdwn', text, verbatim: true };
}

function slackTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? 'unknown' : `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
