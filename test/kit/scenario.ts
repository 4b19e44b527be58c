/** Runs conformance scenarios: a timeline in, incidents at instants out, through the production step. */
import { expect } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { stringify } from 'yaml';
import type { AlertUpdate } from '../../src/domain/alert.js';
import { parseDuration } from '../../src/domain/duration.js';
import type { Incident } from '../../src/domain/incident.js';
import type { Input } from '../../src/domain/input.js';
import { contextOf, defaultRules, EngineRun, EPOCH, firing, type LogLine, rulesOf } from './engine.js';

interface TimelineItem {
  readonly at: string;
  readonly recv?: string;
  readonly alert?: string;
  readonly event?: string;
  readonly resolve?: string;
  readonly starts?: string;
  readonly started?: string;
  readonly severity?: string;
  readonly value?: number;
  readonly labels?: Record<string, string>;
  readonly repeat?: { readonly every: string; readonly times?: number; readonly values?: readonly number[] };
  readonly each?: Record<string, readonly string[] | string>;
}

type Names = readonly (string | Record<string, number>)[];

export interface ExpectedIncident {
  readonly rule: string;
  readonly key?: Record<string, string>;
  readonly classification?: string;
  readonly status?: string;
  readonly opened?: string;
  readonly started?: string;
  readonly hint?: string;
  readonly runbook?: string;
  readonly alerts?: Names;
  readonly events?: readonly string[];
  readonly reopened?: number;
  readonly merged?: number;
  readonly hypotheses?: readonly string[];
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly rules?: readonly unknown[];
  readonly timeline: readonly TimelineItem[];
  readonly until: string;
  readonly permute?: boolean;
  readonly expect: readonly (
    ExpectedIncident | { readonly at: string; readonly incidents: readonly ExpectedIncident[] }
  )[];
}

export function readScenarios(text: string): Scenario[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Scenario);
}

/** `-3h` as ms; throws for what is no offset. */
export function offset(text: string): number {
  const negative = text.startsWith('-');
  const ms = parseDuration(negative ? text.slice(1) : text);
  if (ms === undefined) throw new Error(`${text} is no offset`);
  return negative ? -ms : ms;
}

/** One delivery of the timeline. */
export interface Delivery {
  readonly recv: number;
  readonly input: Input;
}

/** The timeline spelled out: `each` and `repeat` expanded, one entry a message, not sorted. */
export function deliveriesOf(scenario: Scenario): Delivery[] {
  return scenario.timeline.flatMap((item) => expandEach(item));
}

function expandEach(item: TimelineItem): Delivery[] {
  const at = offset(item.at);
  if (item.each === undefined) return expandRepeat(item, at, item.labels ?? {});
  const gap = offset(String(item.each['every'] ?? '0s'));
  const [label, values] = Object.entries(item.each).find(([name]) => name !== 'every') ?? ['', []];
  return [...(values as readonly string[])].flatMap((value, index) =>
    expandRepeat(item, at + index * gap, { ...item.labels, [label]: value }),
  );
}

function expandRepeat(item: TimelineItem, at: number, labels: Record<string, string>): Delivery[] {
  const delay = item.recv === undefined ? 0 : offset(item.recv) - offset(item.at);
  const values = item.repeat?.values;
  const times = values?.length ?? item.repeat?.times ?? 0;
  const every = item.repeat === undefined ? 0 : offset(item.repeat.every);
  return Array.from({ length: times + 1 }, (_unused, round) => {
    const value = round === 0 ? item.value : values?.[round - 1];
    return { recv: at + delay + round * every, input: inputOf(item, at, labels, value) };
  });
}

function inputOf(item: TimelineItem, at: number, labels: Record<string, string>, value: number | undefined): Input {
  if (item.event !== undefined) {
    const startedAt = item.started === undefined ? {} : { startedAt: EPOCH + offset(item.started) };
    const event = {
      id: `${item.event}@${at}`,
      type: item.event,
      at: EPOCH + at,
      labels,
      annotations: {},
      ...startedAt,
    };
    return { kind: 'event', source: 'scenario', event };
  }
  const name = item.alert ?? item.resolve;
  if (name === undefined) throw new Error(`neither alert, event nor resolve: ${JSON.stringify(item)}`);
  const starts = item.starts === undefined ? at : offset(item.starts);
  const base = firing(name, starts, labels, item.severity ?? 'warning');
  const alert: AlertUpdate =
    item.resolve === undefined
      ? { ...base, ...(value === undefined ? {} : { value }) }
      : { ...base, status: 'resolved', endsAt: EPOCH + at };
  return { kind: 'alerts', source: 'scenario', alerts: [alert] };
}

export interface Instant {
  readonly at: number;
  readonly expected: readonly ExpectedIncident[];
}

export function instantsOf(scenario: Scenario): Instant[] {
  const until = offset(scenario.until);
  const plain: ExpectedIncident[] = [];
  const instants: Instant[] = [];
  for (const item of scenario.expect) {
    if ('incidents' in item) instants.push({ at: offset(item.at), expected: item.incidents });
    else plain.push(item);
  }
  if (instants.length === 0) instants.push({ at: until, expected: plain });
  return instants;
}

/** A run on the scenario's rules. */
export function runOf(scenario: Scenario): EngineRun {
  const rules =
    scenario.rules === undefined
      ? defaultRules()
      : rulesOf(stringify({ correlation_rules: scenario.rules }), scenario.id);
  return new EngineRun(contextOf(rules));
}

/** Deliveries in the order of receipt; equal times keep the order of the timeline. */
export function logOf(deliveries: readonly Delivery[]): LogLine[] {
  return deliveries
    .map((delivery, index) => ({ ...delivery, index }))
    .sort((left, right) => left.recv - right.recv || left.index - right.index)
    .map(({ recv, input }) => ({ at: recv, input }));
}

/** Runs the scenario as written and checks every instant. */
export function checkScenario(scenario: Scenario): EngineRun {
  const run = runOf(scenario);
  const log = logOf(deliveriesOf(scenario));
  let done = 0;
  for (const { at, expected } of instantsOf(scenario)) {
    const next = log.findIndex((line, index) => index >= done && line.at > at);
    const stop = next === -1 ? log.length : next;
    run.run(log.slice(done, stop));
    done = stop;
    run.tick(at);
    expectIncidents(run, expected, `${scenario.id} at ${at / 60_000}m`);
  }
  return run;
}

/** The incident list must be exact; of each incident only the named fields are compared. */
export function expectIncidents(run: EngineRun, expected: readonly ExpectedIncident[], where: string): void {
  const actual = run.incidents;
  const left = [...actual];
  const missing = expected.filter((want) => {
    const index = left.findIndex((head) => differences(run, head, want).length === 0);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
  const report = missing.map((want) => ({ want, closest: left.map((head) => differences(run, head, want)) }));
  expect({ where, missing: report, unexpected: left.map((head) => summary(run, head)) }).toEqual({
    where,
    missing: [],
    unexpected: [],
  });
}

function differences(run: EngineRun, head: Incident, want: ExpectedIncident): string[] {
  const have = summary(run, head);
  const differing: string[] = [];
  for (const [field, value] of Object.entries(want)) {
    const wanted = comparable(field, value);
    const got = JSON.stringify(have[field]);
    if (wanted !== got) differing.push(`${field}: ${got} instead of ${wanted}`);
  }
  return differing;
}

function comparable(field: string, value: unknown): string {
  if (field === 'alerts') return JSON.stringify(countNames(value as Names));
  if (field === 'key') return JSON.stringify(sortedObject(value as Record<string, string>));
  if (field === 'opened' || field === 'started') return JSON.stringify(offset(value as string));
  return JSON.stringify(value);
}

function summary(run: EngineRun, head: Incident): Record<string, unknown> {
  const records = run.writings.membersOf(head.id);
  return {
    rule: head.rule,
    key: sortedObject(head.key),
    classification: head.severity,
    status: head.status,
    opened: head.openedAt - EPOCH,
    started: head.startedAt - EPOCH,
    hint: head.hint,
    runbook: head.runbook,
    alerts: countNames(records.map((member) => member.name)),
    events: head.events.map((event) => event.type),
    reopened: head.reopened,
    merged: head.merged.length,
    hypotheses: head.hypotheses.map((hypothesis) => hypothesis.rule),
  };
}

function countNames(names: Names): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    for (const [each, count] of typeof name === 'string' ? [[name, 1] as const] : Object.entries(name)) {
      counts[each] = (counts[each] ?? 0) + count;
    }
  }
  return sortedObject(counts);
}

function sortedObject<T>(object: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(object).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** What arrival must not change: rules, keys, members, classification. */
export function essence(run: EngineRun): unknown[] {
  return run.incidents
    .map((head) => {
      const members = run.writings.membersOf(head.id).map((member) => member.episode);
      const rules = head.hypotheses.map((hypothesis) => hypothesis.rule);
      return { rule: head.rule, rules, key: sortedObject(head.key), severity: head.severity, members: members.sort() };
    })
    .map((each) => JSON.stringify(each))
    .sort();
}
