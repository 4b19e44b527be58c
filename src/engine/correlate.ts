/**
 * Stage 2: which rules does this occurrence complete, and which completed matches does it add to?
 *
 * Star join: every step is measured against the anchor only. One match is an anchor and *all* that satisfies the steps
 * around it, never a combination. Nothing is remembered of partial matches: they are found again through the index.
 */
import type { CompiledRule, CompiledStep } from '../rules/index.js';
import { accepts, anchorWindow, type Buckets, evidence, holds, needed, type Window, windowOf } from './evaluate.js';
import type { Episode, IncidentRecord, Occurrence } from './model.js';
import { compareOccurrences, firstAfter } from './occurrence-index.js';
import { openIncidentOf, subjectKey, subjectOf } from './state.js';
import type { Turn } from './turn.js';

/** Anchors that are tried for one arrival, the latest ones. */
const MAX_ANCHORS = 64;
/** Anchors that are looked at to find them. */
const MAX_SCANNED = 1024;

export interface MatchEvidence {
  readonly step: CompiledStep;
  readonly occurrence: Occurrence;
}

export interface Match {
  readonly rule: CompiledRule;
  readonly anchor: Occurrence;
  readonly evidence: readonly MatchEvidence[];
}

/** The matches that the occurrence is part of, by anchor time. */
export function correlate(turn: Turn, occurrence: Occurrence): Match[] {
  const refs = turn.state.refs.get(subjectOf(occurrence));
  if (refs === undefined) return [];
  const matches: Match[] = [];
  for (const { rule, step, isAnchor } of refs) {
    if (isAnchor) tryAsAnchor(turn, rule, occurrence, matches);
    else tryAsStep(turn, rule, step, occurrence, matches);
  }
  return matches.sort((left, right) => compareOccurrences(left.anchor, right.anchor));
}

function tryAsAnchor(turn: Turn, rule: CompiledRule, occurrence: Occurrence, matches: Match[]): void {
  const own = check(turn, rule, occurrence);
  if (own !== null) matches.push(own);
  const { test } = rule.anchor;
  if (test.kind !== 'count') return;
  // a late onset can make the count true at onsets after it
  let tried = 0;
  for (const bucket of bucketsOf(turn, rule.anchor, occurrence)) {
    for (let i = firstAfter(bucket, occurrence.at); i < bucket.length && tried < MAX_ANCHORS; i += 1) {
      const later = bucket[i] as Occurrence;
      if (later.at > occurrence.at + (test.durationMs ?? 0)) break;
      tried += 1;
      const match = check(turn, rule, later);
      if (match !== null) matches.push(match);
    }
  }
}

function tryAsStep(turn: Turn, rule: CompiledRule, step: CompiledStep, occurrence: Occurrence, matches: Match[]): void {
  let tried = 0;
  let scanned = 0;
  const extended = new Set<IncidentRecord | null>();
  for (const bucket of bucketsOf(turn, rule.anchor, occurrence)) {
    for (let i = firstAfter(bucket, latestAnchor(rule, step, occurrence)) - 1; i >= 0; i -= 1) {
      const anchor = bucket[i] as Occurrence;
      if (anchor.at < occurrence.at - step.withinMs || tried >= MAX_ANCHORS || scanned >= MAX_SCANNED) break;
      scanned += 1;
      if (anchor === occurrence || !accepts(windowOf(rule, step, anchor), occurrence)) continue;
      if (anchor.matched?.includes(rule.name) === true && !rule.sharesSubject) {
        // the rest of the match is known: this only adds to it, once an incident
        const incident = anchor.isEvent ? null : openIncidentOf(anchor as Episode);
        if (extended.has(incident)) continue;
        extended.add(incident);
        matches.push({
          rule,
          anchor,
          evidence: [
            { step: rule.anchor, occurrence: anchor },
            { step, occurrence },
          ],
        });
        continue;
      }
      tried += 1;
      const match = check(turn, rule, anchor);
      if (match !== null) matches.push(match);
    }
  }
}

/** Anchors after this time cannot accept the occurrence. */
function latestAnchor(rule: CompiledRule, step: CompiledStep, occurrence: Occurrence): number {
  if (rule.anchor.subject.type === 'event') return occurrence.at + rule.maxAgeMs;
  const early = occurrence.at + step.withinMs;
  if (step.test.kind !== 'plain') return early;
  return Math.max(early, Math.min(occurrence.end + rule.skewMs, occurrence.at + rule.maxAgeMs));
}

function bucketsOf(turn: Turn, step: CompiledStep, around: Occurrence): Buckets {
  return turn.state.index.compatible(subjectKey(step.subject), around.scope);
}

interface Candidate {
  readonly step: CompiledStep;
  readonly buckets: Buckets;
  readonly window: Window;
}

/** The match of the rule at this anchor, or null. */
function check(turn: Turn, rule: CompiledRule, anchor: Occurrence): Match | null {
  const candidates: Candidate[] = [];
  // first only whether there is anything at all: most anchors fail here, for the cost of a look-up a step
  for (const step of rule.steps) {
    const buckets = bucketsOf(turn, step, anchor);
    if (buckets.length === 0) return null;
    candidates.push({ step, buckets, window: windowOf(rule, step, anchor) });
  }
  const { test } = rule.anchor;
  if (test.kind === 'count') {
    const window = anchorWindow(test, anchor);
    candidates.unshift({ step: rule.anchor, buckets: bucketsOf(turn, rule.anchor, anchor), window });
  }
  if (!candidates.every(({ step, buckets, window }) => holds(step, buckets, window))) return null;
  if (rule.sharesSubject) return assign(rule, anchor, candidates);
  const found: MatchEvidence[] = test.kind === 'count' ? [] : [{ step: rule.anchor, occurrence: anchor }];
  const isNew = noveltyFilter(rule);
  for (const { step, buckets, window } of candidates) {
    for (const occurrence of evidence(buckets, window, isNew)) found.push({ step, occurrence });
  }
  return { rule, anchor, evidence: found };
}

/**
 * In a storm most of what satisfies a step is evidence of the rule already, in the one incident: one of those is enough
 * to find the incident again.
 */
function noveltyFilter(rule: CompiledRule): (occurrence: Occurrence) => boolean {
  let seen: IncidentRecord | null = null;
  return (occurrence) => {
    if (occurrence.isEvent) return true;
    const episode = occurrence as Episode;
    if (episode.evidenceOf?.includes(rule.name) !== true) return true;
    const incident = openIncidentOf(episode);
    if (incident === null || incident !== seen) {
      seen = incident;
      return true;
    }
    return false;
  };
}

/** One occurrence serves one step: each step in turn takes the earliest ones that are left. */
function assign(rule: CompiledRule, anchor: Occurrence, candidates: readonly Candidate[]): Match | null {
  const taken = new Map<Occurrence, CompiledStep>([[anchor, rule.anchor]]);
  const rest: MatchEvidence[] = [];
  for (const { step, buckets, window } of candidates) {
    const able = evidence(buckets, window, () => true);
    let missing = needed(step) - (step === rule.anchor ? 1 : 0);
    for (const occurrence of able) {
      if (missing > 0 && !taken.has(occurrence)) {
        taken.set(occurrence, step);
        missing -= 1;
      } else {
        rest.push({ step, occurrence });
      }
    }
    if (missing > 0) return null;
  }
  for (const { step, occurrence } of rest) if (!taken.has(occurrence)) taken.set(occurrence, step);
  return { rule, anchor, evidence: [...taken].map(([occurrence, step]) => ({ step, occurrence })) };
}
