/**
 * Facts -> episodes. A pure function of the *set* of what was said about one fingerprint, so that repeats and
 * re-ordering cannot change its result.
 */
import type { EngineConfig } from './context.js';
import { type Facts, OPEN } from './model.js';

/** Starts (and ends) that are remembered of one series. */
export const MAX_FACTS = 64;

/** One maximal firing interval. */
export interface Span {
  at: number;
  end: number;
  flaps: number;
  /** Some firing statement is part of it. */
  fired: boolean;
  /** Its end was never said. */
  stale: boolean;
}

interface Point {
  readonly time: number;
  /** Order at equal times. */
  readonly rank: number;
  readonly kind: 'start' | 'end';
  readonly said: boolean;
  readonly stale: boolean;
}

type FoldSettings = Pick<EngineConfig, 'flapWindowMs' | 'reorderWindowMs' | 'skewMs'>;

/** The episodes of a series, oldest first; never empty when there is any fact. */
export function foldFacts(facts: Facts, settings: FoldSettings): Span[] {
  const spans: Span[] = [];
  let last: Span | undefined;
  for (const point of sortPoints(facts, settings)) {
    if (point.kind === 'start') {
      if (last !== undefined && (last.end === OPEN || point.time - last.end <= settings.flapWindowMs)) {
        if (point.said && point.time !== last.at) last.flaps += 1;
        last.end = OPEN;
        last.fired ||= point.said;
        last.stale = false;
      } else {
        last = { at: point.time, end: OPEN, flaps: 0, fired: point.said, stale: false };
        spans.push(last);
      }
    } else if (last !== undefined && (last.end === OPEN || point.time > last.end)) {
      last.end = point.time;
      last.stale = point.stale;
    }
  }
  return spans;
}

/**
 * Starts come before ends of the same instant, so that an empty episode has an end; but an earlier start's end comes
 * before a new start of the same instant, so that an alert that ended and began again in one instant is firing.
 */
function sortPoints({ starts, ends }: Facts, settings: FoldSettings): Point[] {
  const points: Point[] = [];
  for (let i = 0; i < starts.length; i += 2) {
    points.push({ time: starts[i] as number, rank: 1, kind: 'start', said: true, stale: false });
  }
  for (let i = 0; i < ends.length; i += 4) {
    const start = ends[i] as number;
    const end = ends[i + 1] as number;
    points.push({ time: start, rank: 1, kind: 'start', said: false, stale: false });
    const stale = ends[i + 3] === 1;
    if (isWithdrawn(starts, { start, end, received: ends[i + 2] as number, stale }, settings)) continue;
    points.push({ time: end, rank: end > start ? 0 : 2, kind: 'end', said: true, stale });
  }
  return points.sort(
    (left, right) => left.time - right.time || left.rank - right.rank || Number(right.said) - Number(left.said),
  );
}

interface End {
  readonly start: number;
  readonly end: number;
  readonly received: number;
  readonly stale: boolean;
}

/**
 * A firing update of the same start (± skew) that was received well after the end says that the end was false. An end
 * that nobody said is withdrawn by any later word about what began before it.
 */
function isWithdrawn(starts: readonly number[], end: End, settings: FoldSettings): boolean {
  for (let i = 0; i < starts.length; i += 2) {
    const heard = (starts[i + 1] as number) > end.received + settings.reorderWindowMs;
    if (heard && concerns(end, starts[i] as number, settings.skewMs)) return true;
  }
  return false;
}

function concerns(end: Pick<End, 'start' | 'end' | 'stale'>, start: number, skewMs: number): boolean {
  return Math.abs(start - end.start) <= skewMs || (end.stale && start <= end.end);
}

/** Notes a firing statement. False when the start was known and no end could be withdrawn by hearing it again. */
export function noteStart(facts: Facts, start: number, received: number, skewMs: number): boolean {
  const { starts } = facts;
  const index = position(starts, start, 2);
  if (starts[index] === start) {
    if (!mayWithdraw(facts, start, skewMs)) return false;
    starts[index + 1] = Math.max(starts[index + 1] as number, received);
    return true;
  }
  starts.splice(index, 0, start, received);
  if (starts.length > 2 * MAX_FACTS) starts.splice(2, 2);
  return true;
}

/** Notes an end. The latest end of one start wins; one that was said wins over one that was not. */
export function noteEnd(facts: Facts, start: number, end: number, received: number, stale: boolean): void {
  const { ends } = facts;
  const index = position(ends, start, 4);
  if (ends[index] === start) {
    const known = ends[index + 1] as number;
    const replaces = ends[index + 3] === 1 && !stale;
    ends[index + 1] = replaces ? end : Math.max(known, end);
    ends[index + 2] = Math.max(ends[index + 2] as number, received);
    if (!stale) ends[index + 3] = 0;
    return;
  }
  ends.splice(index, 0, start, end, received, stale ? 1 : 0);
  if (ends.length > 4 * MAX_FACTS) ends.splice(0, 4);
}

/** The known end of exactly this start, or undefined. */
export function knownEnd({ ends }: Facts, start: number): number | undefined {
  const index = position(ends, start, 4);
  return ends[index] === start ? ends[index + 1] : undefined;
}

/** Drops what is known of episodes that ended at or before the time. */
export function forgetFacts(facts: Facts, before: number): void {
  facts.starts = keepRows(facts.starts, 2, before);
  facts.ends = keepRows(facts.ends, 4, before);
}

function keepRows(rows: readonly number[], width: number, before: number): number[] {
  const kept: number[] = [];
  for (let i = 0; i < rows.length; i += width) {
    if ((rows[i] as number) > before) kept.push(...rows.slice(i, i + width));
  }
  return kept;
}

function mayWithdraw({ ends }: Facts, start: number, skewMs: number): boolean {
  for (let i = 0; i < ends.length; i += 4) {
    const end = { start: ends[i] as number, end: ends[i + 1] as number, stale: ends[i + 3] === 1 };
    if (concerns(end, start, skewMs)) return true;
  }
  return false;
}

/** The latest start that was said or follows from an end. */
export function latestStart({ starts, ends }: Facts): number {
  return Math.max(starts[starts.length - 2] ?? -Infinity, ends[ends.length - 4] ?? -Infinity);
}

function position(rows: readonly number[], start: number, width: number): number {
  let index = 0;
  while (index < rows.length && (rows[index] as number) < start) index += width;
  return index;
}
