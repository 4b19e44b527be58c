/**
 * Change events of our own format (deployments, configuration changes, …), one or a list, from CI and scripts.
 * Strict, unlike the alerts: whoever writes the call sees the answer and can mend it.
 */
import { hash } from 'node:crypto';

import type { ChangeEvent } from '../../domain/alert.js';
import type { EventInput } from '../../domain/input.js';
import { canonicalLabels } from '../../domain/labels.js';
import type { Delivery, Reading } from '../../ports/source.js';
import {
  bounded,
  type Count,
  faultInTextMap,
  labelPolicy,
  LONGEST_ANNOTATION,
  LONGEST_LABEL_VALUE,
  type TextMap,
} from '../label-sets.js';
import { parseRfc3339 } from '../timestamp.js';

export const MOST_EVENTS = 100;
const FIELDS = ['type', 'id', 'at', 'started_at', 'labels', 'annotations'];
const TYPE = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/;
const LONGEST_ID = 256;
/** A number below is seconds, not milliseconds: 100,000,000,000 ms is in 1973. */
const SMALLEST_MS = 100_000_000_000;
const LARGEST_MS = 8_640_000_000_000_000;
const SKEW_MS = 60_000;

type Fault = Extract<Reading, { ok: false }>;
type Outcome<T> = { readonly value: T } | Fault;

/** One delivery. Pure: the same delivery, received at the same time, gives the same reading. */
export function readEvents(delivery: Delivery): Reading {
  const { body } = delivery;
  const list: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (list.length > MOST_EVENTS)
    return fault('', `the list must have at most ${MOST_EVENTS} events, it has ${list.length}`);
  const marks: Record<string, number> = {};
  const count: Count = (mark) => {
    marks[mark] = (marks[mark] ?? 0) + 1;
  };
  const inputs: EventInput[] = [];
  for (const [index, raw] of list.entries()) {
    const event = readEvent(raw, Array.isArray(body) ? `[${index}]` : '', delivery, count);
    if ('ok' in event) return event;
    inputs.push({ kind: 'event', source: delivery.source, event: event.value });
  }
  return { ok: true, inputs, ...(Object.keys(marks).length === 0 ? {} : { marks }) };
}

function readEvent(raw: unknown, base: string, delivery: Delivery, count: Count): Outcome<ChangeEvent> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return fault(base, `${base === '' ? 'the body' : base} must be an object with type and labels, or a list of them`);
  }
  const event = raw as Record<string, unknown>;
  const path = (field: string) => (base === '' ? field : `${base}.${field}`);
  const unknown = Object.keys(event).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) {
    const at = path(unknown.slice(0, 100));
    return fault(at, `${at} is not a field of an event; the fields are ${FIELDS.join(', ')}`);
  }
  if (typeof event.type !== 'string' || !TYPE.test(event.type)) {
    return fault(
      path('type'),
      `${path('type')} must be a name such as deployment_completed: letters, digits and _.:/-`,
    );
  }
  const labelFault = faultInTextMap(event.labels, path('labels'));
  if (labelFault !== undefined) return { ok: false, ...labelFault };
  const annotationFault =
    event.annotations === undefined ? undefined : faultInTextMap(event.annotations, path('annotations'));
  if (annotationFault !== undefined) return { ok: false, ...annotationFault };
  const at = readTime(event.at, path('at'));
  if ('ok' in at) return at;
  const startedAt = readTime(event.started_at, path('started_at'));
  if ('ok' in startedAt) return startedAt;
  const id = readId(event.id, path('id'));
  if ('ok' in id) return id;

  const happened = at.value ?? delivery.receivedAt;
  if (startedAt.value !== undefined && startedAt.value > happened) {
    return fault(path('started_at'), `${path('started_at')} must not be after ${path('at')}`);
  }
  if (happened > delivery.receivedAt + SKEW_MS) count('at_in_future');
  const given = event.labels as TextMap;
  const labels = { ...bounded(given, LONGEST_LABEL_VALUE, count) };
  nameService(labels, delivery);
  const own = id.value ?? hash('sha256', JSON.stringify([event.type, happened, canonicalLabels(given)])).slice(0, 16);
  return {
    value: {
      id: `${delivery.source}:${own}`,
      type: event.type,
      at: happened,
      ...(startedAt.value === undefined ? {} : { startedAt: startedAt.value }),
      labels,
      annotations: bounded((event.annotations ?? {}) as TextMap, LONGEST_ANNOTATION, count),
    },
  };
}

/** As for alerts, so that an event and an alert of one service carry the same label. */
function nameService(labels: TextMap, delivery: Delivery): void {
  const name = labelPolicy(delivery.settings).serviceLabels.find((each) => (labels[each] ?? '') !== '');
  if (name !== undefined) labels.service = labels[name] as string;
}

function readTime(raw: unknown, path: string): Outcome<number | undefined> {
  if (raw === undefined) return { value: undefined };
  const ms = typeof raw === 'string' ? parseRfc3339(raw) : raw;
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= SMALLEST_MS && ms <= LARGEST_MS) return { value: ms };
  const hint = typeof raw === 'number' && raw > 0 && raw < SMALLEST_MS ? '; this number looks like seconds' : '';
  return fault(path, `${path} must be RFC 3339 text or milliseconds since 1970${hint}`);
}

function readId(raw: unknown, path: string): Outcome<string | undefined> {
  if (raw === undefined) return { value: undefined };
  if (typeof raw === 'string' && raw !== '' && raw.length <= LONGEST_ID) return { value: raw };
  return fault(path, `${path} must be text of 1 to ${LONGEST_ID} characters`);
}

function fault(path: string, problem: string): Fault {
  return { ok: false, path, problem };
}
