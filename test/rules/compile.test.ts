/** Rule files: the shipped ones load as they are, and every error names its place and what to write instead. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { compileRules, formatRuleProblem, type RuleProblem } from '../../src/rules/index.js';
import { MAX_RULE_FILE_BYTES } from '../../src/rules/document.js';
import { DEFAULT_RULES, defaultRules, rulesOf } from '../kit/engine.js';

const VALID = `correlation_rules:
  - name: one
    pattern:
      - alert: A
      - alert: B
        within: 5m
    classification: P1
`;

function problemsOf(text: string): RuleProblem[] {
  const compiled = compileRules([{ path: 'r.yaml', text }]);
  return compiled.ok ? compiled.warnings : compiled.problems;
}

/** Replaces `old` in the valid file; the place that is expected is that of `marker` in the result. */
function broken(
  old: string,
  replacement: string,
  marker = replacement,
): { text: string; line: number; column: number } {
  if (!VALID.includes(old)) throw new Error(`${old} is not in the valid file`);
  const text = VALID.replace(old, replacement);
  const at = text.indexOf(marker);
  const before = text.slice(0, at).split('\n');
  return { text, line: before.length, column: (before[before.length - 1] ?? '').length + 1 };
}

describe('the shipped rules', () => {
  it('load verbatim; the one that needs a trend says that it cannot match', () => {
    const compiled = compileRules([{ path: 'default.yaml', text: readFileSync(DEFAULT_RULES, 'utf8') }]);
    expect(compiled.ok).toBe(true);
    if (!compiled.ok) return;
    expect(compiled.rules.rules.map(({ name, classification }) => [name, classification])).toEqual([
      ['database_cascade', 'P1'],
      ['memory_leak_pattern', 'P1'],
      ['post_deployment_issues', 'P1'],
      ['external_dependency_failure', 'P2'],
      ['infrastructure_failure', 'P1'],
    ]);
    expect(compiled.warnings).toHaveLength(1);
    expect(compiled.warnings[0]).toMatchObject({
      code: 'W-TREND-UNSUPPORTED',
      severity: 'warning',
      file: 'default.yaml',
    });
    const inert = compiled.rules.rules.filter((rule) => rule.inert !== undefined);
    expect(inert.map(({ name, inert: why }) => [name, why])).toEqual([
      ['memory_leak_pattern', expect.stringMatching(/^step 1 needs trend/)],
    ]);
    expect(compiled.rules.longestMs).toBe(30 * 60_000);
  });

  it('count more than five in five minutes, and more than three', () => {
    const rules = defaultRules().rules;
    expect(rules.find(({ name }) => name === 'external_dependency_failure')?.anchor.test).toEqual({
      kind: 'count',
      atLeast: 6,
      durationMs: 300_000,
    });
    expect(rules.find(({ name }) => name === 'infrastructure_failure')?.steps[0]?.test).toEqual({
      kind: 'count',
      atLeast: 4,
      durationMs: null,
    });
  });
});

describe('counts', () => {
  it.each([
    ['5', 5],
    ['1', 1],
    ['">5"', 6],
    ['">=5"', 5],
    ['"> 5"', 6],
    ["'>0'", 1],
  ])('count: %s', (written, atLeast) => {
    const rules = rulesOf(VALID.replace('within: 5m', `within: 5m\n        count: ${written}`));
    expect(rules.rules[0]?.steps[0]?.test).toEqual({ kind: 'count', atLeast, durationMs: null });
  });
});

describe('errors', () => {
  const step = 'within: 5m';
  const cases: [string, { text: string; line: number; column: number }, string, RegExp][] = [
    ['a duration without unit', broken('5m', '300'), 'E-DURATION', /has no unit; write e\.g\. 300m or 300s/],
    ['a duration in words', broken('5m', 'five minutes'), 'E-DURATION', /90s, 5m or 1h30m/],
    ['a duration of nothing', broken('5m', '0s'), 'E-DURATION', /above zero/],
    ['an unquoted count', broken(step, `${step}\n        count: >5`, '>5'), 'E-COUNT-EMPTY', /quote it: count: ">5"/],
    [
      'an unquoted count with =',
      broken(step, `${step}\n        count: >=5`, '>=5'),
      'E-COUNT-EMPTY',
      /quote it: count: ">=5"/,
    ],
    [
      'an unquoted count with a space',
      broken(step, `${step}\n        count: > 5`, '> 5'),
      'E-COUNT-EMPTY',
      /quote it: count: ">5"/,
    ],
    ['an empty count', broken(step, `${step}\n        count: ""`, '""'), 'E-COUNT-EMPTY', /write count/],
    ['fewer than', broken(step, `${step}\n        count: "<5"`, '"<5"'), 'E-COUNT-OP', /not:/],
    ['equal to', broken(step, `${step}\n        count: "==5"`, '"==5"'), 'E-COUNT-OP', /before the window closes/],
    ['a quoted number', broken(step, `${step}\n        count: "5"`, '"5"'), 'E-COUNT-OP', /write ">5", ">=5" or 5/],
    ['a count of zero', broken(step, `${step}\n        count: 0`, '0\n'), 'E-COUNT-OP', /whole number from 1/],
    ['a count of a half', broken(step, `${step}\n        count: 1.5`, '1.5'), 'E-COUNT-OP', /whole number/],
    [
      'a counting anchor without span',
      broken('- alert: A', '- alert: A\n        count: 3', 'count'),
      'E-COUNT-UNBOUNDED',
      /duration: 5m/,
    ],
    [
      'within on the anchor',
      broken('- alert: A', '- alert: A\n        within: 1m', 'within'),
      'E-ANCHOR-WITHIN',
      /later steps/,
    ],
    ['no within on a step', broken('\n        within: 5m', '', 'alert: B'), 'E-STEP-WITHIN-MISSING', /within: 5m/],
    ['a window of eight days', broken('5m', '8d'), 'E-WINDOW', /longer than 7d/],
    ['a misspelt step field', broken('within', 'witin'), 'E-UNKNOWN-FIELD', /did you mean `within`\?/],
    [
      'a misspelt rule field',
      broken('classification', 'clasification'),
      'E-UNKNOWN-FIELD',
      /did you mean `classification`\?/,
    ],
    [
      'a field of another world',
      broken('classification: P1', 'classification: P1\n    xyzzy: 1', 'xyzzy'),
      'E-UNKNOWN-FIELD',
      /known are name/,
    ],
    [
      'an unknown top-level key',
      broken('correlation_rules', 'corelation_rules'),
      'E-UNKNOWN-FIELD',
      /did you mean `correlation_rules`/,
    ],
    [
      'a later rule field',
      broken('classification: P1', 'classification: P1\n    order: strict', 'order'),
      'E-UNSUPPORTED',
      /not in this version yet/,
    ],
    ['a later step', broken('alert: B', 'not: {alert: B}', 'not'), 'E-UNSUPPORTED', /`not` is part of the language/],
    ['an explicit key', broken('classification: P1', 'by: [service]', '[service]'), 'E-UNSUPPORTED', /by: auto/],
    ['a pattern for names', broken('alert: B', 'alert: "=~B.*"', '"=~B.*"'), 'E-UNSUPPORTED', /name it exactly/],
    [
      'minimum firing time',
      broken(step, `${step}\n        duration: 5m`, 'duration'),
      'E-UNSUPPORTED',
      /duration. alone/,
    ],
    ['when', broken('classification: P1', 'when: "true"', 'when'), 'E-RESERVED', /reserved/],
    [
      'a trend without span',
      broken(step, `${step}\n        trend: increasing`, 'trend'),
      'E-TREND-DURATION',
      /duration: 30m/,
    ],
    [
      'a trend to nowhere',
      broken(step, `${step}\n        duration: 5m\n        trend: sideways`, 'sideways'),
      'E-TYPE',
      /increasing/,
    ],
    ['a level that is none', broken('P1', 'P7'), 'E-CLASSIFICATION', /P0, P1, P2, P3, P4 or auto/],
    ['a lower-case level', broken('P1', 'p1'), 'E-CLASSIFICATION', /P0/],
    ['a name with a space', broken('one', 'one two'), 'E-NAME', /begins with a letter/],
    ['the name of the fallback', broken('one', 'fallback'), 'E-NAME', /choose another/],
    ['alert and event', broken('alert: B', 'alert: B\n        event: C', 'event'), 'E-STEP', /not both/],
    [
      'neither alert nor event',
      broken('- alert: B\n        within: 5m', '- within: 5m', 'within'),
      'E-STEP',
      /names what it waits for/,
    ],
    ['a tag', broken('one', '!!js/function one', '!!js'), 'E-YAML', /tags are not part/],
    ['an alias', broken('alert: B', 'alert: *x', '*x'), 'E-YAML', /alias/i],
    ['the same key twice', broken(step, `${step}\n        within: 6m`, 'within: 6m'), 'E-YAML', /unique/],
    ['a merge key', broken('classification: P1', '<<: {classification: P1}', '<<'), 'E-UNKNOWN-FIELD', /no field `<<`/],
    ['a tab as indentation', broken('    pattern', '\tpattern', '\tpattern'), 'E-YAML', /./],
  ];

  it.each(cases)('%s', (_title, { text, line, column }, code, message) => {
    const problems = problemsOf(text);
    expect(problems.map((problem) => problem.code)).toContain(code);
    const problem = problems.find((each) => each.code === code) as RuleProblem;
    expect(problem.message).toMatch(message);
    expect(problem.severity).toBe('error');
    expect({ line: problem.line, column: problem.column }).toEqual({ line, column });
    expect(formatRuleProblem(problem)).toBe(`r.yaml:${line}:${column}: ${code}: ${problem.message}`);
  });

  it('reports all of them at once, in the order of the file', () => {
    const text = VALID.replace('5m', '5').replace('P1', 'P9').replace('one', '1');
    expect(problemsOf(text).map(({ code, line }) => [line, code])).toEqual([
      [2, 'E-NAME'],
      [6, 'E-DURATION'],
      [7, 'E-CLASSIFICATION'],
    ]);
  });

  it('refuses a name that another file took, and says where', () => {
    const compiled = compileRules([
      { path: 'a.yaml', text: VALID },
      { path: 'b.yaml', text: VALID },
    ]);
    expect(compiled.ok).toBe(false);
    if (compiled.ok) return;
    expect(compiled.problems).toMatchObject([{ file: 'b.yaml', line: 2, column: 11, code: 'E-DUP-NAME' }]);
    expect(compiled.problems[0]?.message).toContain('a.yaml:2:11');
  });

  it('refuses a rule without an alert', () => {
    const text = VALID.replace('alert: A', 'event: A').replace('alert: B', 'event: B');
    expect(problemsOf(text).map(({ code }) => code)).toEqual(['E-NOT-ONLY']);
  });

  it('refuses patterns of no and of seventeen steps', () => {
    const steps = Array.from({ length: 17 }, (_unused, index) => `{alert: A${index}, within: 1m}`);
    for (const pattern of ['[]', `[${steps.join(', ')}]`, 'text']) {
      const text = `correlation_rules:\n  - {name: n, pattern: ${pattern}}\n`;
      expect(problemsOf(text).map(({ code }) => code)).toContain('E-PATTERN');
    }
  });

  it('refuses files beyond the bound, without reading them', () => {
    expect(problemsOf(`#${' '.repeat(MAX_RULE_FILE_BYTES)}`)).toMatchObject([
      { code: 'E-FILE-SIZE', line: 1, column: 1 },
    ]);
  });

  it.each([
    '',
    '# nothing',
    '42',
    '[]',
    'correlation_rules: 7',
    'correlation_rules: [7, null, [], {}]',
    '\u0000',
    '{',
    '- - -: ?',
  ])('answers %j with problems and not with an exception', (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });

  it('warns of windows over a day', () => {
    expect(problemsOf(VALID.replace('5m', '2d'))).toMatchObject([{ code: 'W-WINDOW-LONG', severity: 'warning' }]);
  });
});

describe('the hash of a rule', () => {
  const hashOf = (text: string): string | undefined => rulesOf(text).rules[0]?.hash;

  it('does not change with comments, order of keys, quotes and equal durations', () => {
    const same = `# comment\ncorrelation_rules:\n  - classification: "P1"\n    pattern: [{alert: A}, {within: 300s, alert: B}]\n    name: one\n`;
    expect(hashOf(same)).toBe(hashOf(VALID));
  });

  it.each([
    ['5m', '6m'],
    ['P1', 'P2'],
    ['alert: B', 'alert: C'],
    ['classification: P1', 'classification: P1\n    runbook: r'],
    ['classification: P1', 'classification: P1\n    enabled: false'],
  ])('changes with %j -> %j', (old, replacement) => {
    expect(hashOf(VALID.replace(old, replacement))).not.toBe(hashOf(VALID));
  });
});
