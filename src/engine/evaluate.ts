/**
 * Step evaluators: what must hold among the occurrences that may join the anchor. One pair of functions a kind of test;
 * `holds` decides without collecting anything, `evidence` is called only for rules that matched.
 */
import type { CompiledRule, CompiledStep, CountTest } from '../rules/index.js';
import type { Occurrence } from './model.js';
import { compareOccurrences, firstAfter, firstAt } from './occurrence-index.js';

/** Evidence that one step takes into one match. */
export const MAX_STEP_EVIDENCE = 1000;

export type Buckets = readonly (readonly Occurrence[])[];

/** When an occurrence may start to satisfy a step, relative to the anchor. Inclusive. */
export interface Window {
  readonly from: number;
  readonly to: number;
  /** States that began since then and were true at the anchor count too; null: they do not. */
  readonly firingFrom: number | null;
  readonly firingAt: number;
}

/** The window of a step, section 2 of the rule language, order `loose`. */
export function windowOf(rule: CompiledRule, step: CompiledStep, anchor: Occurrence): Window {
  const to = anchor.at + step.withinMs;
  const firingAt = anchor.at - rule.skewMs;
  // what began before a change was not caused by it
  if (anchor.isEvent) return { from: anchor.began - rule.skewMs, to, firingFrom: null, firingAt };
  const states = step.subject.type === 'alert' && step.test.kind === 'plain';
  return { from: anchor.at - step.withinMs, to, firingFrom: states ? anchor.at - rule.maxAgeMs : null, firingAt };
}

/** Onsets of the anchor's own subject that a counting anchor looks at. */
export function anchorWindow(test: CountTest, anchor: Occurrence): Window {
  return { from: anchor.at - (test.durationMs ?? 0), to: anchor.at, firingFrom: null, firingAt: anchor.at };
}

export function accepts(window: Window, occurrence: Occurrence): boolean {
  if (occurrence.at > window.to) return false;
  if (occurrence.at >= window.from) return true;
  return window.firingFrom !== null && occurrence.at >= window.firingFrom && occurrence.end > window.firingAt;
}

/** Whether the step's test is true in the window. */
export function holds(step: CompiledStep, buckets: Buckets, window: Window): boolean {
  const { test } = step;
  switch (test.kind) {
    case 'plain':
      return plainHolds(buckets, window);
    case 'count':
      return countHolds(test, buckets, window);
    case 'trend':
      return false;
  }
}

function plainHolds(buckets: Buckets, window: Window): boolean {
  for (const bucket of buckets) {
    const start = firstAt(bucket, window.from);
    if (start < bucket.length && (bucket[start] as Occurrence).at <= window.to) return true;
    if (window.firingFrom === null) continue;
    for (let i = start - 1; i >= 0; i -= 1) {
      const occurrence = bucket[i] as Occurrence;
      if (occurrence.at < window.firingFrom) break;
      if (occurrence.end > window.firingAt) return true;
    }
  }
  return false;
}

function countHolds(test: CountTest, buckets: Buckets, window: Window): boolean {
  let count = 0;
  for (const bucket of buckets) count += Math.max(0, firstAfter(bucket, window.to) - firstAt(bucket, window.from));
  if (count < test.atLeast) return false;
  return test.durationMs === null || densest(onsets(buckets, window), test.durationMs) >= test.atLeast;
}

/** The most onsets in any span of the length. */
function densest(times: readonly number[], lengthMs: number): number {
  let best = 0;
  let start = 0;
  times.forEach((time, index) => {
    while (time - (times[start] as number) > lengthMs) start += 1;
    best = Math.max(best, index - start + 1);
  });
  return best;
}

function onsets(buckets: Buckets, window: Window): number[] {
  const times: number[] = [];
  for (const bucket of buckets) {
    const stop = firstAfter(bucket, window.to);
    for (let i = firstAt(bucket, window.from); i < stop; i += 1) times.push((bucket[i] as Occurrence).at);
  }
  return buckets.length > 1 ? times.sort((left, right) => left - right) : times;
}

/** All wanted occurrences that satisfy the step, by time; at most MAX_STEP_EVIDENCE, the latest ones when there are more. */
export function evidence(buckets: Buckets, window: Window, wanted: (occurrence: Occurrence) => boolean): Occurrence[] {
  const found: Occurrence[] = [];
  for (const bucket of buckets) {
    for (let i = firstAfter(bucket, window.to) - 1; i >= 0 && found.length < MAX_STEP_EVIDENCE; i -= 1) {
      const occurrence = bucket[i] as Occurrence;
      if (occurrence.at < (window.firingFrom ?? window.from)) break;
      if (accepts(window, occurrence) && wanted(occurrence)) found.push(occurrence);
    }
  }
  return found.length > 1 ? found.sort(compareOccurrences) : found;
}

/** How many occurrences the step cannot do without. */
export function needed(step: CompiledStep): number {
  return step.test.kind === 'count' ? step.test.atLeast : 1;
}
