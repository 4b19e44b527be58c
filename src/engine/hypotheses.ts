/** The explanations of an incident: one a rule, the best first. */
import type { Evidence, Hypothesis } from '../domain/incident.js';
import { canonicalLabels, formatLabels } from '../domain/labels.js';
import type { Match } from './correlate.js';
import type { IncidentRecord } from './model.js';
import type { EngineState } from './state.js';

/** Evidence that is listed of one step and in all; the rest is counted. Heads are written often and must stay small. */
const MAX_STEP_EVIDENCE = 6;
const MAX_EVIDENCE = 50;

export function ruleKey(rule: string, key: string): string {
  return `${rule}\n${key}`;
}

/** Priority, then a change among the evidence, then how much the rule asks for, then the earliest anchor, then the name. */
function rank(left: Hypothesis, right: Hypothesis): number {
  if (left.priority !== right.priority) return right.priority - left.priority;
  if (left.hasChange !== right.hasChange) return left.hasChange ? -1 : 1;
  if (left.specificity !== right.specificity) return right.specificity - left.specificity;
  if (left.anchorAt !== right.anchorAt) return left.anchorAt - right.anchorAt;
  return left.rule < right.rule ? -1 : left.rule > right.rule ? 1 : 0;
}

/** Notes the match with the evidence that is new to the incident. True when the rule is a new explanation of it. */
export function noteHypothesis(
  state: EngineState,
  incident: IncidentRecord,
  { rule, anchor }: Match,
  fresh: readonly Evidence[],
  now: number,
): boolean {
  const known = incident.head.hypotheses.find((each) => each.rule === rule.name);
  const hypothesis: Hypothesis = {
    rule: rule.name,
    classification: rule.classification,
    ...(rule.hint === undefined ? {} : { hint: rule.hint }),
    ...(rule.runbook === undefined ? {} : { runbook: rule.runbook }),
    priority: rule.priority,
    hasChange: rule.hasChange,
    specificity: rule.specificity,
    anchorAt: anchor.at,
    key: anchor.scope.labels,
    matchedAt: now,
    evidence: listed([], fresh),
    evidenceCount: fresh.length,
  };
  place(state, incident, known === undefined ? hypothesis : unite(known, hypothesis), known);
  return known === undefined;
}

/** Takes over the explanations of an incident that is merged into this one. */
export function uniteHypotheses(state: EngineState, incident: IncidentRecord, from: readonly Hypothesis[]): void {
  for (const theirs of from) {
    const known = incident.head.hypotheses.find((each) => each.rule === theirs.rule);
    place(state, incident, known === undefined ? theirs : unite(known, theirs), known);
  }
}

function place(state: EngineState, incident: IncidentRecord, next: Hypothesis, known: Hypothesis | undefined): void {
  const { head } = incident;
  if (known !== undefined && known.anchorAt === next.anchorAt && known.key === next.key) {
    head.hypotheses = head.hypotheses.map((each) => (each === known ? next : each));
    return;
  }
  incident.renamed = true;
  if (known !== undefined) unregister(state, incident, known);
  head.hypotheses = [...head.hypotheses.filter((each) => each !== known), next].sort(rank);
  register(state, incident, next);
}

/** The earliest anchor is the canonical one: its key stays. */
function unite(known: Hypothesis, other: Hypothesis): Hypothesis {
  const later = other.anchorAt > known.anchorAt;
  const same = other.anchorAt === known.anchorAt && canonicalLabels(other.key) >= canonicalLabels(known.key);
  const canonical = later || same ? known : other;
  return {
    ...known,
    anchorAt: canonical.anchorAt,
    key: canonical.key,
    matchedAt: Math.min(known.matchedAt, other.matchedAt),
    evidence: listed(known.evidence, other.evidence),
    evidenceCount: known.evidenceCount + other.evidenceCount,
  };
}

function listed(known: readonly Evidence[], more: readonly Evidence[]): readonly Evidence[] {
  let list = known;
  for (const each of more) {
    let ofStep = 0;
    for (const { step } of list) if (step === each.step) ofStep += 1;
    if (ofStep < MAX_STEP_EVIDENCE && list.length < MAX_EVIDENCE) list = [...list, each];
  }
  return list;
}

export function register(state: EngineState, incident: IncidentRecord, { rule, key }: Hypothesis): void {
  const field = ruleKey(rule, canonicalLabels(key));
  const known = state.ruleKeys.get(field);
  if (known === undefined) state.ruleKeys.set(field, new Set([incident]));
  else known.add(incident);
}

export function unregister(state: EngineState, incident: IncidentRecord, { rule, key }: Hypothesis): void {
  const field = ruleKey(rule, canonicalLabels(key));
  const known = state.ruleKeys.get(field);
  if (known?.delete(incident) === true && known.size === 0) state.ruleKeys.delete(field);
}

/** Brings rule, hint, runbook, key and title in line with the first explanation. */
export function followLeader(incident: IncidentRecord): void {
  if (!incident.renamed) return;
  incident.renamed = false;
  const { head } = incident;
  const [leader] = head.hypotheses;
  if (leader === undefined) {
    const names = Object.keys(head.alertNames);
    const more = names.length > 1 ? ` and ${names.length - 1} more` : '';
    head.title = `${names[0] ?? head.rule}${more} on ${formatLabels(head.key)}`;
    return;
  }
  head.rule = leader.rule;
  if (leader.hint === undefined) delete head.hint;
  else head.hint = leader.hint;
  if (leader.runbook === undefined) delete head.runbook;
  else head.runbook = leader.runbook;
  head.key = leader.key;
  head.title = `${leader.rule} on ${formatLabels(head.key)}`;
}
