/**
 * Alertmanager's webhook (version 4) -> alert updates. Checked by hand: this runs for every alert that comes in.
 *
 * What decides who an alert is (status, labels, fingerprint) must be right, else the delivery is refused with the JSON
 * path. Everything else is read as far as it can be, and marked: a page must not be lost because of an odd date.
 */
import { hash } from 'node:crypto';

import type { AlertUpdate } from '../../domain/alert.js';
import { canonicalLabels } from '../../domain/labels.js';
import type { Delivery, NormalisationSettings, Reading } from '../../ports/source.js';
import {
  bounded,
  type Count,
  cut,
  faultInTextMap,
  labelPolicy,
  type LabelPolicy,
  LONGEST_ANNOTATION,
  LONGEST_LABEL_VALUE,
  normaliseScope,
  type TextMap,
} from '../label-sets.js';
import { parseRfc3339 } from '../timestamp.js';

const LONGEST_URL = 2_048;
const LONGEST_FINGERPRINT = 128;
const LONGEST_ALERT_NAME = 256;
const UNNAMED = '(unnamed)';
/** A start so far ahead of our clock is counted; the engine moves it to its arrival. */
const SKEW_MS = 60_000;

type Fault = Extract<Reading, { ok: false }>;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One delivery. Pure: the same delivery gives the same reading. */
export function readWebhook(delivery: Delivery): Reading {
  const { body, settings } = delivery;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return fault('', 'the body must be an object: an Alertmanager webhook of version 4');
  }
  const webhook = body as Record<string, unknown>;
  if (!Array.isArray(webhook.alerts)) {
    return fault('alerts', 'alerts must be a list: the body is not an Alertmanager webhook of version 4');
  }
  const marks: Record<string, number> = {};
  const count: Count = (mark) => {
    marks[mark] = (marks[mark] ?? 0) + 1;
  };
  const context: Context = { settings, policy: labelPolicy(settings), receivedAt: delivery.receivedAt, count };
  const alerts: AlertUpdate[] = [];
  for (let index = 0; index < webhook.alerts.length; index += 1) {
    const alert = readAlert(webhook.alerts[index], index, context);
    if ('ok' in alert) return alert;
    alerts.push(alert);
  }
  const truncated = readTruncated(webhook.truncatedAlerts, count);
  const lane = retryLane(delivery.source, webhook);
  const input = { kind: 'alerts', source: delivery.source, alerts, ...(truncated > 0 ? { truncated } : {}) } as const;
  return {
    ok: true,
    inputs: alerts.length === 0 && truncated === 0 ? [] : [input],
    ...(lane === undefined ? {} : { retryLane: lane }),
    ...(Object.keys(marks).length === 0 ? {} : { marks }),
  };
}

interface Context {
  readonly settings: NormalisationSettings;
  readonly policy: LabelPolicy;
  readonly receivedAt: number;
  readonly count: Count;
}

function readAlert(raw: unknown, index: number, context: Context): AlertUpdate | Fault {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return fault(`alerts[${index}]`, `alerts[${index}] must be an object`);
  }
  const alert = raw as Record<string, unknown>;
  const { status, fingerprint, annotations } = alert;
  if (status !== 'firing' && status !== 'resolved') {
    return fault(`alerts[${index}].status`, `alerts[${index}].status must be "firing" or "resolved"`);
  }
  const labelFault = faultInTextMap(alert.labels, `alerts[${index}].labels`);
  if (labelFault !== undefined) return { ok: false, ...labelFault };
  const annotationFault =
    annotations === undefined || annotations === null
      ? undefined
      : faultInTextMap(annotations, `alerts[${index}].annotations`);
  if (annotationFault !== undefined) return { ok: false, ...annotationFault };
  if (fingerprint !== undefined && fingerprint !== null && typeof fingerprint !== 'string') {
    return fault(`alerts[${index}].fingerprint`, `alerts[${index}].fingerprint must be a string`);
  }
  const given = alert.labels as TextMap;
  const { policy, count } = context;
  const labels = normaliseScope(bounded(given, LONGEST_LABEL_VALUE, count, policy.identityDrop), policy);
  const update: Mutable<AlertUpdate> = {
    fingerprint: `am:${identity(given, fingerprint ?? '', policy)}`,
    name: nameOf(given, context),
    labels,
    annotations: bounded((annotations ?? {}) as TextMap, LONGEST_ANNOTATION, count),
    status,
  };
  addOptionalParts(update, alert, given.severity, context);
  return update;
}

function addOptionalParts(
  update: Mutable<AlertUpdate>,
  alert: Record<string, unknown>,
  severity: string | undefined,
  context: Context,
): void {
  const startsAt = readTime(alert.startsAt);
  if (startsAt === undefined) {
    context.count('starts_at_unknown');
  } else {
    if (startsAt > context.receivedAt + SKEW_MS) context.count('starts_in_future');
    update.startsAt = startsAt;
  }
  if (update.status === 'resolved') {
    const endsAt = readTime(alert.endsAt);
    if (endsAt === undefined) context.count('ends_at_unknown');
    else update.endsAt = endsAt;
  }
  if (severity !== undefined && severity !== '') update.severity = cut(severity.trim().toLowerCase(), 64);
  const url = alert.generatorURL;
  if (typeof url === 'string' && url !== '') {
    if (isWebAddress(url)) update.url = url;
    else context.count('url_dropped');
  }
}

/** Year 1, 1970 and anything before are how senders write "none"; what cannot be read is none as well. */
function readTime(raw: unknown): number | undefined {
  const ms = typeof raw === 'string' ? parseRfc3339(raw) : undefined;
  return ms !== undefined && ms > 0 ? ms : undefined;
}

/**
 * The sender's fingerprint, which covers all labels. Not when a label tells HA replicas apart: then each replica has
 * another fingerprint for the same alert, and we make one from the other labels.
 */
function identity(labels: TextMap, fingerprint: string, policy: LabelPolicy): string {
  let replicated = false;
  for (const name of policy.identityDrop) {
    if (labels[name] !== undefined) replicated = true;
  }
  if (!replicated && fingerprint !== '' && fingerprint.length <= LONGEST_FINGERPRINT) return fingerprint;
  const own: TextMap = {};
  for (const name in labels) {
    if (!policy.identityDrop.has(name)) own[name] = labels[name] as string;
  }
  return hash('sha256', canonicalLabels(own)).slice(0, 16);
}

function nameOf(labels: TextMap, context: Context): string {
  const { alertname } = labels;
  if (alertname === undefined || alertname === '') {
    context.count('unnamed');
    return UNNAMED;
  }
  const { names } = context.settings;
  const name = Object.hasOwn(names, alertname) ? (names[alertname] ?? alertname) : alertname;
  return cut(name, LONGEST_ALERT_NAME);
}

function isWebAddress(text: string): boolean {
  return text.length <= LONGEST_URL && /^https?:\/\/[^\s<>"]+$/i.test(text);
}

/** How many alerts the sender left out. They are firing; their absence says nothing. */
function readTruncated(raw: unknown, count: Count): number {
  if (raw === undefined || raw === null) return 0;
  if (typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0) return raw;
  count('truncated_alerts_unreadable');
  return 0;
}

/** Alertmanager repeats a failed delivery of a group with the same body: receiver and group name the stream of them. */
function retryLane(source: string, webhook: Record<string, unknown>): string | undefined {
  const { receiver, groupKey } = webhook;
  if (typeof groupKey !== 'string' || groupKey === '') return undefined;
  return hash('sha256', JSON.stringify([source, typeof receiver === 'string' ? receiver : '', groupKey])).slice(0, 16);
}

function fault(path: string, problem: string): Fault {
  return { ok: false, path, problem };
}
