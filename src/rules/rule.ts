/** One rule: YAML -> CompiledRule. */
import { isScalar, isSeq, type ParsedNode } from 'yaml';
import { hashId } from '../domain/ids.js';
import { isSeverity, type Severity } from '../domain/severity.js';
import type { FileReport } from './document.js';
import { type Fields, readFields, readText, RULE_FIELDS } from './fields.js';
import type { CompiledRule, CompiledStep } from './model.js';
import { compileStep } from './step.js';

const NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/;
const MAX_STEPS = 16;
const SKEW_MS = 60_000;
const MAX_AGE_MS = 24 * 3_600_000;

export interface ReadRule {
  /** The rule's name when it has a usable one, also when the rest is wrong: names must be unique. */
  readonly name?: string;
  readonly nameNode: ParsedNode | null;
  readonly rule?: CompiledRule;
}

/** Reads one item of `correlation_rules`. All its problems are reported, not only the first. */
export function compileRule(node: ParsedNode | null | undefined, report: FileReport): ReadRule {
  const fields = readFields(node, RULE_FIELDS, report);
  if (fields === undefined) return { nameNode: null };
  const name = readName(node, fields, report);
  const nameNode = fields.get('name')?.value ?? null;
  const pattern = readPattern(node, fields, report);
  const classification = readClassification(fields, report);
  const enabled = readEnabled(fields, report);
  const hint = readText(fields, 'root_cause_hint', report, 128);
  const runbook = readText(fields, 'runbook', report, 128);
  const description = readText(fields, 'description', report);
  checkBy(fields, report);
  if (name === undefined || pattern === undefined || classification === undefined || enabled === undefined) {
    return name === undefined ? { nameNode } : { name, nameNode };
  }
  const [anchor, ...steps] = pattern as [CompiledStep, ...CompiledStep[]];
  const inert = inertReason(pattern, name, nameNode, report);
  const rule: CompiledRule = {
    name,
    anchor,
    steps,
    classification,
    enabled,
    priority: 0,
    hasChange: pattern.some((step) => step.subject.type === 'event'),
    specificity: pattern.length,
    sharesSubject: new Set(pattern.map(({ subject }) => `${subject.type}:${subject.name}`)).size < pattern.length,
    skewMs: SKEW_MS,
    maxAgeMs: MAX_AGE_MS,
    longestMs: Math.max(...pattern.map(longestOf)),
    hash: hashId(
      JSON.stringify([name, pattern, classification, hint ?? null, runbook ?? null, description ?? null, enabled]),
    ),
    file: report.file,
    line: report.place(node ?? 0).line,
    ...(hint === undefined ? {} : { hint }),
    ...(runbook === undefined ? {} : { runbook }),
    ...(description === undefined ? {} : { description }),
    ...(inert === undefined ? {} : { inert }),
  };
  return { name, nameNode, rule };
}

function readName(node: ParsedNode | null | undefined, fields: Fields, report: FileReport): string | undefined {
  const field = fields.get('name');
  if (field === undefined) {
    report.error(node ?? 0, 'E-NAME', 'a rule needs a `name`');
    return undefined;
  }
  const value = isScalar(field.value) ? field.value.value : undefined;
  if (typeof value === 'string' && NAME.test(value) && value !== 'fallback') return value;
  const problem =
    value === 'fallback'
      ? '`fallback` is the name of incidents without a rule; choose another'
      : 'a rule name begins with a letter and has up to 63 letters, digits, _ and -';
  report.error(field.value ?? field.key, 'E-NAME', problem);
  return undefined;
}

function readPattern(
  node: ParsedNode | null | undefined,
  fields: Fields,
  report: FileReport,
): CompiledStep[] | undefined {
  const field = fields.get('pattern');
  if (field === undefined) {
    report.error(node ?? 0, 'E-PATTERN', 'a rule needs a `pattern`: a list of steps, the first is the anchor');
    return undefined;
  }
  const items = isSeq(field.value) ? (field.value.items as (ParsedNode | null)[]) : [];
  if (items.length === 0 || items.length > MAX_STEPS) {
    report.error(field.value ?? field.key, 'E-PATTERN', `\`pattern\` is a list of 1 to ${MAX_STEPS} steps`);
    return undefined;
  }
  const steps = items.map((item, index) => compileStep(item, index === 0, report));
  if (!steps.every((step) => step !== undefined)) return undefined;
  if (!steps.some((step) => step.subject.type === 'alert')) {
    report.error(
      field.value ?? field.key,
      'E-NOT-ONLY',
      'the pattern has no alert: an incident needs at least one; add a step with `alert`',
    );
    return undefined;
  }
  return steps;
}

function readClassification(fields: Fields, report: FileReport): Severity | 'auto' | undefined {
  const field = fields.get('classification');
  if (field === undefined) return 'auto';
  if (isScalar(field.value)) {
    const { value } = field.value;
    if (value === 'auto' || isSeverity(value)) return value;
  } else if (field.value !== null) {
    const message =
      'classification with `mode` and `max` is part of the language, not in this version yet; write a level';
    report.error(field.value, 'E-UNSUPPORTED', message);
    return undefined;
  }
  report.error(field.value ?? field.key, 'E-CLASSIFICATION', '`classification` is P0, P1, P2, P3, P4 or auto');
  return undefined;
}

function readEnabled(fields: Fields, report: FileReport): boolean | undefined {
  const field = fields.get('enabled');
  if (field === undefined) return true;
  if (isScalar(field.value) && typeof field.value.value === 'boolean') return field.value.value;
  report.error(field.value ?? field.key, 'E-TYPE', '`enabled` is true or false');
  return undefined;
}

function checkBy(fields: Fields, report: FileReport): void {
  const field = fields.get('by');
  if (field === undefined || (isScalar(field.value) && field.value.value === 'auto')) return;
  report.error(
    field.value ?? field.key,
    'E-UNSUPPORTED',
    'explicit keys are part of the language, not in this version yet; write by: auto or leave it out',
  );
}

function inertReason(
  pattern: readonly CompiledStep[],
  name: string,
  at: ParsedNode | null,
  report: FileReport,
): string | undefined {
  const index = pattern.findIndex((step) => step.test.kind === 'trend');
  if (index < 0) return undefined;
  const inert = `step ${index + 1} needs trend (${pattern[index]?.id}), which this version does not evaluate`;
  report.warning(at, 'W-TREND-UNSUPPORTED', `rule ${name} loads and cannot match yet: ${inert}`);
  return inert;
}

function longestOf(step: CompiledStep): number {
  return Math.max(step.withinMs, step.test.kind === 'plain' ? 0 : (step.test.durationMs ?? 0));
}
