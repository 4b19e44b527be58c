/**
 * Finds the occurrences of an alert name or event type that may join a given scope, without looking at any other.
 *
 * Whether two scopes compare equal depends only on the labels both have. So occurrences are kept by which labels they
 * have (a mask, few in practice), and for each mask that asks there is a hash by the values of the labels in common, as
 * in a hash join. A lookup is one hash access a mask; the answer is exact and sorted by time.
 */
import type { Occurrence } from './model.js';
import { joinMask } from './scope.js';

interface Pattern {
  readonly mask: number;
  readonly all: Set<Occurrence>;
  /** Labels in common -> their values -> occurrences by (at, key). */
  readonly projections: Map<number, Map<string, Occurrence[]>>;
}

const NONE: readonly Occurrence[][] = [];

export class OccurrenceIndex {
  /** By mask, so that the order of answers does not depend on the order of arrival. */
  readonly #subjects = new Map<string, Pattern[]>();

  add(subject: string, occurrence: Occurrence): void {
    if (occurrence.indexed) return;
    occurrence.indexed = true;
    let patterns = this.#subjects.get(subject);
    if (patterns === undefined) this.#subjects.set(subject, (patterns = []));
    const { mask } = occurrence.scope;
    let pattern = patterns.find((each) => each.mask === mask);
    if (pattern === undefined) {
      pattern = { mask, all: new Set(), projections: new Map() };
      patterns.push(pattern);
      patterns.sort((left, right) => left.mask - right.mask);
    }
    pattern.all.add(occurrence);
    for (const [common, buckets] of pattern.projections) insert(buckets, occurrence.scope.project(common), occurrence);
  }

  /** Removes it wherever it is: call before its time changes. */
  remove(subject: string, occurrence: Occurrence): void {
    if (!occurrence.indexed) return;
    occurrence.indexed = false;
    const pattern = this.#subjects.get(subject)?.find(({ mask }) => mask === occurrence.scope.mask);
    if (pattern?.all.delete(occurrence) !== true) return;
    for (const [common, buckets] of pattern.projections) {
      const value = occurrence.scope.project(common);
      const bucket = buckets.get(value);
      if (bucket === undefined) continue;
      const index = lowerBound(bucket, occurrence.at, occurrence.key);
      if (bucket[index] === occurrence) bucket.splice(index, 1);
      if (bucket.length === 0) buckets.delete(value);
    }
  }

  /** The same for many at once: one pass over the buckets instead of a search for each. */
  removeAll(subject: string, gone: ReadonlySet<Occurrence>): void {
    for (const pattern of this.#subjects.get(subject) ?? []) {
      for (const occurrence of gone) {
        if (pattern.all.delete(occurrence)) occurrence.indexed = false;
      }
      for (const buckets of pattern.projections.values()) {
        for (const [value, bucket] of buckets) {
          if (!bucket.some((occurrence) => gone.has(occurrence))) continue;
          const kept = bucket.filter((occurrence) => !gone.has(occurrence));
          if (kept.length === 0) buckets.delete(value);
          else buckets.set(value, kept);
        }
      }
    }
  }

  /** All occurrences of the subject that may join the scope: sorted lists, one a mask. Do not change them. */
  compatible(subject: string, scope: Occurrence['scope']): readonly (readonly Occurrence[])[] {
    const patterns = this.#subjects.get(subject);
    if (patterns === undefined) return NONE;
    const found: Occurrence[][] = [];
    for (const pattern of patterns) {
      const common = joinMask(pattern.mask, scope.mask);
      if (common === null || pattern.all.size === 0) continue;
      let buckets = pattern.projections.get(common);
      if (buckets === undefined) pattern.projections.set(common, (buckets = project(pattern, common)));
      const bucket = buckets.get(scope.project(common));
      if (bucket !== undefined) found.push(bucket);
    }
    return found;
  }
}

function project(pattern: Pattern, common: number): Map<string, Occurrence[]> {
  const buckets = new Map<string, Occurrence[]>();
  for (const occurrence of pattern.all) {
    const value = occurrence.scope.project(common);
    const bucket = buckets.get(value);
    if (bucket === undefined) buckets.set(value, [occurrence]);
    else bucket.push(occurrence);
  }
  for (const bucket of buckets.values()) bucket.sort(compareOccurrences);
  return buckets;
}

function insert(buckets: Map<string, Occurrence[]>, value: string, occurrence: Occurrence): void {
  const bucket = buckets.get(value);
  if (bucket === undefined) {
    buckets.set(value, [occurrence]);
    return;
  }
  const last = bucket[bucket.length - 1] as Occurrence;
  if (compareOccurrences(last, occurrence) <= 0) bucket.push(occurrence);
  else bucket.splice(lowerBound(bucket, occurrence.at, occurrence.key), 0, occurrence);
}

/** By time, then by key: the order of everything that must not depend on arrival. */
export function compareOccurrences(left: Occurrence, right: Occurrence): number {
  if (left.at !== right.at) return left.at - right.at;
  return left.key < right.key ? -1 : left.key > right.key ? 1 : 0;
}

/** First position whose (at, key) is not before the given one. */
export function lowerBound(bucket: readonly Occurrence[], at: number, key: string): number {
  let low = 0;
  let high = bucket.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = bucket[middle] as Occurrence;
    if (there.at < at || (there.at === at && there.key < key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First position at or after the time. */
export function firstAt(bucket: readonly Occurrence[], at: number): number {
  return lowerBound(bucket, at, '');
}

/** First position after the time. */
export function firstAfter(bucket: readonly Occurrence[], at: number): number {
  let low = 0;
  let high = bucket.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bucket[middle] as Occurrence).at <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
