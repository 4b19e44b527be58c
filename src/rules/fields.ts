/**
 * The fields of the rule language and a reader for one YAML mapping: every key is known, unknown ones are errors with
 * the nearest known name, and the part of the language that this version does not run yet is refused by name.
 */
import { isMap, isScalar, type ParsedNode, type Scalar } from 'yaml';
import { parseDuration } from '../domain/duration.js';
import type { FileReport } from './document.js';

export interface FieldTable {
  /** How a person calls the mapping: `a rule`, `a step`. */
  readonly owner: string;
  readonly known: readonly string[];
  /** Part of the language, refused with E-UNSUPPORTED. */
  readonly later: readonly string[];
}

export const FILE_FIELDS: FieldTable = {
  owner: 'a rule file',
  known: ['version', 'correlation_rules'],
  later: ['defaults'],
};

export const RULE_FIELDS: FieldTable = {
  owner: 'a rule',
  known: ['name', 'pattern', 'classification', 'root_cause_hint', 'runbook', 'description', 'enabled', 'by'],
  later: [
    ...[
      'owner',
      'tags',
      'references',
      'labels',
      'annotations',
      'mode',
      'aliases',
      'topology',
      'order',
      'within',
      'skew',
    ],
    ...['max_age', 'require_active', 'until', 'priority', 'suppresses', 'merge', 'attach', 'attach_window'],
    ...['auto_resolve', 'resolve_after', 'reopen_within', 'cooldown', 'escalate', 'max_keys'],
  ],
};

export const STEP_FIELDS: FieldTable = {
  owner: 'a step',
  known: ['id', 'alert', 'event', 'within', 'count', 'duration', 'trend'],
  later: [
    ...['any_of', 'all_of', 'not', 'settle', 'match', 'source', 'value', 'within_of', 'early', 'already_firing'],
    ...['while_firing', 'count_of', 'distinct', 'value_source', 'by', 'optional'],
  ],
};

export type Fields = ReadonlyMap<string, { readonly key: Scalar; readonly value: ParsedNode | null }>;

/** The fields of a mapping, or undefined when the node is none. Unknown and not yet supported keys are reported. */
export function readFields(
  node: ParsedNode | null | undefined,
  table: FieldTable,
  report: FileReport,
): Fields | undefined {
  if (!isMap(node)) {
    report.error(node ?? 0, 'E-TYPE', `${table.owner} is a mapping of fields, e.g. ${table.known[0] ?? 'name'}: …`);
    return undefined;
  }
  const fields = new Map<string, { key: Scalar; value: ParsedNode | null }>();
  for (const pair of node.items) {
    if (!isScalar(pair.key) || typeof pair.key.value !== 'string') {
      report.error(pair.key, 'E-TYPE', `the keys of ${table.owner} are names`);
      continue;
    }
    const name = pair.key.value;
    if (table.known.includes(name)) fields.set(name, { key: pair.key, value: pair.value });
    else reportKey(pair.key, name, table, report);
  }
  return fields;
}

function reportKey(key: ParsedNode, name: string, table: FieldTable, report: FileReport): void {
  if (name === 'when') {
    report.error(key, 'E-RESERVED', '`when` is reserved for a later version; remove it');
  } else if (table.later.includes(name)) {
    report.error(key, 'E-UNSUPPORTED', `\`${name}\` is part of the language, not in this version yet; remove it`);
  } else {
    const nearest = nearestName(name, [...table.known, ...table.later]);
    const hint = nearest === undefined ? `known are ${table.known.join(', ')}` : `did you mean \`${nearest}\`?`;
    report.error(key, 'E-UNKNOWN-FIELD', `${table.owner} has no field \`${name}\`; ${hint}`);
  }
}

/** The known name that is at most a third of its letters away, or undefined. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate);
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_unused, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[right.length] ?? 0;
}

/** A text field; reports and returns undefined when it is present and not a text of at most `limit` characters. */
export function readText(fields: Fields, name: string, report: FileReport, limit = 1024): string | undefined {
  const field = fields.get(name);
  if (field === undefined) return undefined;
  const value = isScalar(field.value) ? field.value.value : undefined;
  if (typeof value === 'string' && value !== '' && value.length <= limit) return value;
  report.error(field.value ?? field.key, 'E-TYPE', `\`${name}\` is a text of 1 to ${limit} characters`);
  return undefined;
}

/** A duration field in ms; reports E-DURATION and returns undefined when it is present and none. */
export function readDuration(fields: Fields, name: string, report: FileReport): number | undefined {
  const field = fields.get(name);
  if (field === undefined) return undefined;
  const value = isScalar(field.value) ? field.value.value : undefined;
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms !== undefined && ms > 0) return ms;
  const message =
    typeof value === 'number'
      ? `\`${name}: ${value}\` has no unit; write e.g. ${value}m or ${value}s`
      : `\`${name}\` is a duration above zero such as 90s, 5m or 1h30m (units w d h m s ms, in this order)`;
  report.error(field.value ?? field.key, 'E-DURATION', message);
  return undefined;
}
