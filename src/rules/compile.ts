/** Rule files -> compiled rules. All or nothing: one error anywhere and the caller keeps what it has. */
import { isScalar, isSeq, type ParsedNode } from 'yaml';
import { hashId } from '../domain/ids.js';
import { type FileReport, readRuleDocument } from './document.js';
import { FILE_FIELDS, readFields } from './fields.js';
import type { CompiledRule, CompiledRules, RuleFile, RuleProblem } from './model.js';
import { compileRule } from './rule.js';

export type Compilation =
  | { readonly ok: true; readonly rules: CompiledRules; readonly warnings: RuleProblem[] }
  | { readonly ok: false; readonly problems: RuleProblem[] };

/** Compiles the files as one set. Names are unique across files. Problems come sorted by place. */
export function compileRules(files: readonly RuleFile[]): Compilation {
  const rules: CompiledRule[] = [];
  const problems: RuleProblem[] = [];
  const places = new Map<string, string>();
  for (const file of files) {
    const { report, contents } = readRuleDocument(file);
    if (contents !== undefined) rules.push(...compileFile(contents, report, places));
    problems.push(...report.problems.sort((left, right) => left.line - right.line || left.column - right.column));
  }
  if (problems.some((problem) => problem.severity === 'error')) return { ok: false, problems };
  const longestMs = Math.max(0, ...rules.filter((rule) => rule.enabled).map((rule) => rule.longestMs));
  const hash = hashId(...rules.map((rule) => rule.hash));
  return { ok: true, rules: { rules, longestMs, hash }, warnings: problems };
}

function compileFile(contents: ParsedNode | null, report: FileReport, places: Map<string, string>): CompiledRule[] {
  if (contents === null) {
    report.warning(0, 'W-NO-RULES', 'the file has no rules; expected correlation_rules: [ … ]');
    return [];
  }
  const fields = readFields(contents, FILE_FIELDS, report);
  if (fields === undefined) return [];
  const version = fields.get('version');
  if (version !== undefined && !(isScalar(version.value) && version.value.value === 1)) {
    report.error(version.value ?? version.key, 'E-VERSION', 'this program reads version: 1 of the rule language');
  }
  const list = fields.get('correlation_rules');
  if (list === undefined || !isSeq(list.value)) {
    report.error(list?.value ?? contents, 'E-TYPE', 'a rule file has correlation_rules: a list of rules');
    return [];
  }
  const rules: CompiledRule[] = [];
  for (const item of list.value.items as (ParsedNode | null)[]) {
    const read = compileRule(item, report);
    if (read.name !== undefined) checkName(read.name, read.nameNode, report, places);
    if (read.rule !== undefined) rules.push(read.rule);
  }
  return rules;
}

function checkName(name: string, node: ParsedNode | null, report: FileReport, places: Map<string, string>): void {
  const earlier = places.get(name);
  if (earlier !== undefined) {
    report.error(node, 'E-DUP-NAME', `the name ${name} is taken by the rule at ${earlier}; choose another`);
    return;
  }
  const { line, column } = report.place(node);
  places.set(name, `${report.file}:${line}:${column}`);
}
