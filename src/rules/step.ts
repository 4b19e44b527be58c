/** One step of a pattern: YAML -> CompiledStep. */
import { isMap, isScalar, type ParsedNode } from 'yaml';
import { readCount } from './count.js';
import type { FileReport } from './document.js';
import { type Fields, readDuration, readFields, readText, STEP_FIELDS } from './fields.js';
import type { CompiledStep, StepTest, Subject } from './model.js';

const WEEK = 7 * 24 * 3_600_000;
const DAY = 24 * 3_600_000;

/** Undefined when something is wrong; the report says what. `position` counts from 1 and is for people. */
export function compileStep(
  node: ParsedNode | null | undefined,
  isAnchor: boolean,
  report: FileReport,
): CompiledStep | undefined {
  const fields = readFields(node, STEP_FIELDS, report);
  if (fields === undefined) return undefined;
  const subject = readSubject(node, fields, report);
  const test = readTest(fields, isAnchor, report);
  const withinMs = readWithin(node, fields, isAnchor, report);
  const id = readText(fields, 'id', report, 64);
  if (subject === undefined || test === undefined || withinMs === undefined) return undefined;
  return { id: id ?? subject.name, subject, test, withinMs };
}

function readSubject(node: ParsedNode | null | undefined, fields: Fields, report: FileReport): Subject | undefined {
  const alert = fields.get('alert');
  const event = fields.get('event');
  if (alert !== undefined && event !== undefined) {
    report.error(event.key, 'E-STEP', 'a step has either `alert` or `event`, not both; make two steps of it');
    return undefined;
  }
  if (alert === undefined && event === undefined) {
    // a construct of the full language was refused by name already: no second message about the same step
    const other = isMap(node) && node.items.some((pair) => isScalar(pair.key) && isGroup(pair.key.value));
    if (!other) report.error(node ?? 0, 'E-STEP', 'a step names what it waits for: `alert: <name>` or `event: <type>`');
    return undefined;
  }
  const type = alert === undefined ? 'event' : 'alert';
  const name = readText(fields, type, report, 256);
  if (name === undefined) return undefined;
  if (name.startsWith('=~')) {
    const at = fields.get(type)?.value ?? null;
    report.error(
      at,
      'E-UNSUPPORTED',
      'names by pattern are part of the language, not in this version yet; name it exactly',
    );
    return undefined;
  }
  return { type, name };
}

function isGroup(key: unknown): boolean {
  return key === 'any_of' || key === 'all_of' || key === 'not';
}

function readTest(fields: Fields, isAnchor: boolean, report: FileReport): StepTest | undefined {
  const duration = fields.get('duration');
  const durationMs = readDuration(fields, 'duration', report);
  if (duration !== undefined && durationMs === undefined) return undefined;
  if (durationMs !== undefined && duration !== undefined) checkLength(duration.value, 'duration', durationMs, report);
  const trend = fields.get('trend');
  const count = fields.get('count');
  if (trend !== undefined && count !== undefined) {
    report.error(trend.key, 'E-STEP', 'a step has either `count` or `trend`, not both; make two steps of it');
    return undefined;
  }
  if (trend !== undefined) return readTrend(fields, durationMs, report);
  if (count !== undefined) {
    const atLeast = readCount(fields, report);
    if (atLeast === undefined) return undefined;
    if (isAnchor && durationMs === undefined) {
      report.error(
        count.key,
        'E-COUNT-UNBOUNDED',
        'the first step counts without an end; say in which span with `duration`, e.g. duration: 5m',
      );
      return undefined;
    }
    return { kind: 'count', atLeast, durationMs: durationMs ?? null };
  }
  if (duration !== undefined) {
    report.error(
      duration.key,
      'E-UNSUPPORTED',
      '`duration` alone ("firing for at least") is part of the language, not in this version yet; remove it, or add `count`',
    );
    return undefined;
  }
  return { kind: 'plain' };
}

const TREND_FORM = 'trend is `increasing` or `decreasing`, or a mapping with `direction`';

function readTrend(fields: Fields, durationMs: number | undefined, report: FileReport): StepTest | undefined {
  const trend = fields.get('trend');
  let node = trend?.value;
  if (isMap(node)) {
    const table = {
      owner: 'a trend',
      known: ['direction', 'min_samples', 'alpha', 'min_change', 'on_missing'],
      later: [],
    };
    node = readFields(node, table, report)?.get('direction')?.value;
  }
  const direction = isScalar(node) ? node.value : undefined;
  if (direction !== 'increasing' && direction !== 'decreasing') {
    report.error(trend?.value ?? trend?.key ?? 0, 'E-TYPE', TREND_FORM);
    return undefined;
  }
  if (durationMs === undefined) {
    report.error(
      trend?.key ?? 0,
      'E-TREND-DURATION',
      'a trend needs `duration`: over which span the value must move, e.g. duration: 30m',
    );
    return undefined;
  }
  return { kind: 'trend', direction, durationMs };
}

function readWithin(
  node: ParsedNode | null | undefined,
  fields: Fields,
  isAnchor: boolean,
  report: FileReport,
): number | undefined {
  const within = fields.get('within');
  if (isAnchor) {
    if (within === undefined) return 0;
    report.error(
      within.key,
      'E-ANCHOR-WITHIN',
      'the first step is the anchor that the others are measured from; it has no `within`. Move it to the later steps',
    );
    return undefined;
  }
  if (within === undefined) {
    report.error(
      node ?? 0,
      'E-STEP-WITHIN-MISSING',
      'every step after the first says how soon after the first it must start, e.g. within: 5m',
    );
    return undefined;
  }
  const ms = readDuration(fields, 'within', report);
  if (ms !== undefined) checkLength(within.value, 'within', ms, report);
  return ms;
}

function checkLength(node: ParsedNode | null, name: string, ms: number, report: FileReport): void {
  if (ms > WEEK) report.error(node, 'E-WINDOW', `\`${name}\` is longer than 7d, which nothing is kept for; shorten it`);
  else if (ms > DAY)
    report.warning(node, 'W-WINDOW-LONG', `\`${name}\` is longer than 24h: much must be kept in memory`);
}
