/**
 * Compiled correlation rules: plain data that the engine runs on, with nothing left to parse.
 *
 * A step is a subject (which alerts or events it looks at), a window (when they may start, relative to the anchor) and a
 * test (what must hold for those in the window). The tests are a discriminated union: a new kind of step is one more
 * member here, one compiler in `step.ts` and one evaluator in the engine.
 */
import type { Severity } from '../domain/severity.js';

export interface Subject {
  readonly type: 'alert' | 'event';
  /** Alert name or event type, exact. */
  readonly name: string;
}

/** At least one in the window. */
export interface PlainTest {
  readonly kind: 'plain';
}

/** At least `atLeast` onsets in the window; with `durationMs`, inside one span of that length. */
export interface CountTest {
  readonly kind: 'count';
  readonly atLeast: number;
  readonly durationMs: number | null;
}

/** Loads, and is not evaluated in this version: a rule with such a step is inert. */
export interface TrendTest {
  readonly kind: 'trend';
  readonly direction: 'increasing' | 'decreasing';
  readonly durationMs: number;
}

export type StepTest = PlainTest | CountTest | TrendTest;

export interface CompiledStep {
  /** Unique within the rule unless the same name is asked for twice: the explicit id, else the alert's or event's name. */
  readonly id: string;
  readonly subject: Subject;
  readonly test: StepTest;
  /** Start of the step at most this long after the anchor instant, ms, inclusive. 0 on the anchor itself. */
  readonly withinMs: number;
}

export interface CompiledRule {
  readonly name: string;
  readonly description?: string;
  /** The first step of the pattern; the others are measured from it. */
  readonly anchor: CompiledStep;
  readonly steps: readonly CompiledStep[];
  readonly classification: Severity | 'auto';
  readonly hint?: string;
  readonly runbook?: string;
  readonly enabled: boolean;
  /** Why the rule can never match in this version; absent on rules that can. */
  readonly inert?: string;
  readonly priority: number;
  readonly hasChange: boolean;
  /** Number of required steps (and matchers): the more a rule asks for, the higher it ranks. */
  readonly specificity: number;
  /** True when two steps look at the same subject: then one episode may serve only one of them. */
  readonly sharesSubject: boolean;
  /** How order comparisons are loosened (never `within`), ms. */
  readonly skewMs: number;
  /** How old a state that is still true may be, ms. */
  readonly maxAgeMs: number;
  /** The longest of the rule's windows and durations, ms. */
  readonly longestMs: number;
  /** Over the normalised form: unchanged by comments, formatting and file. */
  readonly hash: string;
  readonly file: string;
  readonly line: number;
}

export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
  readonly longestMs: number;
  readonly hash: string;
}

export interface RuleProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** What is wrong and what to write instead. */
  readonly message: string;
}

export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

/** `rules.yaml:12:7: E-DURATION: …` */
export function formatRuleProblem(problem: RuleProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.code}: ${problem.message}`;
}
