/**
 * Stage 4: the severity of an incident. Rules are exact: what a rule says replaces what the labels of its evidence say;
 * members that are no rule's evidence count with their own level. The worst of both, and once a rule has spoken it only
 * rises.
 */
import { compareSeverity, SEVERITIES, type Severity, worstSeverity } from '../domain/severity.js';
import { type IncidentRecord, NO_LEVEL } from './model.js';

export interface Classification {
  readonly severity: Severity;
  readonly reason: string;
}

/** What the incident's severity is now; also remembers it as the floor below which it will not fall. */
export function classify(incident: IncidentRecord): Classification {
  const { head } = incident;
  const ruled = head.hypotheses.length > 0;
  const others = levelName(incident.levels.findIndex((count) => count > 0));
  const [byRule, rule] = worstRule(incident);
  const computed = worstSeverity(byRule, others) ?? head.severity;
  // an incident without a rule keeps its worst; the first rule may lower it, once
  const floor = ruled ? levelName(incident.floor) : head.severity;
  const severity = worstSeverity(computed, floor) ?? computed;
  if (ruled) incident.floor = Math.min(incident.floor, SEVERITIES.indexOf(severity));
  if (compareSeverity(computed, severity) > 0) return { severity, reason: head.severityReason };
  if (byRule !== undefined && severity === byRule) return { severity, reason: `rule ${rule} says ${byRule}` };
  const whose = ruled ? "a member that is no rule's evidence" : 'the worst member';
  return { severity, reason: `severity label of ${whose} means ${severity}` };
}

function worstRule({ head, autoLevel }: IncidentRecord): [Severity | undefined, string] {
  let worst: Severity | undefined;
  let name = '';
  for (const { rule, classification } of head.hypotheses) {
    const level = classification === 'auto' ? levelName(autoLevel) : classification;
    if (level === undefined || (worst !== undefined && compareSeverity(level, worst) >= 0)) continue;
    worst = level;
    name = rule;
  }
  return [worst, name];
}

function levelName(level: number): Severity | undefined {
  return level < 0 || level >= NO_LEVEL ? undefined : SEVERITIES[level];
}
