/** I1 to I3: every acknowledged alert in exactly one incident, and every incident exactly as the model says. */
import type { Truth } from '../workload/ledger.js';
import type { SeenIncident } from './observation.js';
import type { Violation } from './violation.js';

/** A merged incident lives on inside another one: it does not count, and its members are counted there. */
export function standing(incidents: readonly SeenIncident[]): SeenIncident[] {
  return incidents.filter((incident) => incident.status !== 'merged');
}

/** The standing incidents that hold alerts of each scenario. */
export function incidentsByScenario(
  truths: readonly Truth[],
  incidents: readonly SeenIncident[],
): Map<string, SeenIncident[]> {
  const scenarioOf = new Map(
    truths.flatMap(({ scenario, alerts }) => alerts.map((alert) => [alert.key, scenario] as const)),
  );
  const found = new Map<string, SeenIncident[]>();
  for (const incident of standing(incidents)) {
    const scenarios = new Set<string>();
    for (const member of incident.members) {
      const scenario = scenarioOf.get(member.alert ?? '');
      if (scenario !== undefined) scenarios.add(scenario);
    }
    for (const scenario of scenarios) found.set(scenario, [...(found.get(scenario) ?? []), incident]);
  }
  return found;
}

export function checkAlerts(truths: readonly Truth[], incidents: readonly SeenIncident[]): Violation[] {
  const memberships = new Map<string, string[]>();
  for (const incident of standing(incidents)) {
    for (const { alert } of incident.members) {
      if (alert !== undefined) memberships.set(alert, [...(memberships.get(alert) ?? []), incident.number]);
    }
  }
  return truths.flatMap(({ alerts }) =>
    alerts.flatMap(({ key }): Violation[] => {
      const found = memberships.get(key) ?? [];
      if (found.length === 0) return [{ kind: 'alert-lost', detail: `${key} is in no incident` }];
      if (found.length > 1) return [{ kind: 'alert-twice', detail: `${key} is in ${found.join(', ')}` }];
      return [];
    }),
  );
}

export function checkIncidents(truths: readonly Truth[], incidents: readonly SeenIncident[]): Violation[] {
  const violations: Violation[] = [];
  const byScenario = incidentsByScenario(truths, incidents);
  const explained = new Set<string>();
  for (const truth of truths) {
    const found = byScenario.get(truth.scenario) ?? [];
    for (const incident of found) explained.add(incident.id);
    if (truth.alerts.length === 0) continue;
    const [incident, ...others] = found;
    if (incident === undefined) {
      violations.push({ kind: 'incident-missing', detail: `${truth.scenario} (${truth.kind}) has no incident` });
      continue;
    }
    // until everything is acknowledged, parts of it may stand apart
    if (!truth.complete) continue;
    for (const other of others) {
      violations.push({
        kind: 'incident-extra',
        detail: `${truth.scenario}: ${other.number} beside ${incident.number}`,
      });
    }
    violations.push(...compareMembers(truth, incident), ...compareVerdict(truth, incident));
  }
  for (const incident of standing(incidents)) {
    if (explained.has(incident.id)) continue;
    violations.push({ kind: 'incident-extra', detail: `${incident.number} "${incident.title}" (${incident.rule})` });
  }
  violations.push(...checkNumbers(incidents), ...checkMerges(incidents));
  return violations;
}

function compareMembers(truth: Truth, incident: SeenIncident): Violation[] {
  const problems: string[] = [];
  const expected = new Map(truth.alerts.map((alert) => [alert.key, alert]));
  for (const member of incident.members) {
    const alert = expected.get(member.alert ?? '');
    if (alert === undefined) {
      problems.push(`${member.alert ?? member.episode} does not belong to it`);
    } else if (alert.startsAt !== member.startsAt) {
      problems.push(`${alert.key} starts at ${member.startsAt}, sent was ${alert.startsAt}`);
    } else if (alert.endsAt !== member.endsAt) {
      problems.push(`${alert.key} ends at ${member.endsAt}, sent was ${alert.endsAt}`);
    }
  }
  const held = new Set(incident.members.map((member) => member.alert));
  for (const key of expected.keys()) if (!held.has(key)) problems.push(`${key} is missing`);
  if (incident.memberCount !== incident.members.length) {
    problems.push(`its head counts ${incident.memberCount} members, it has ${incident.members.length}`);
  }
  const firing = incident.members.filter((member) => member.endsAt === null).length;
  if (incident.firingCount !== firing) problems.push(`its head counts ${incident.firingCount} firing, ${firing} are`);
  return problems.map((problem) => ({
    kind: 'incident-members',
    detail: `${truth.scenario} (${truth.kind}) ${incident.number}: ${problem}`,
  }));
}

function compareVerdict(truth: Truth, incident: SeenIncident): Violation[] {
  const { expected } = truth;
  const problems: string[] = [];
  if (incident.rule !== expected.rule) problems.push(`rule ${incident.rule}, expected ${expected.rule}`);
  if (incident.severity !== expected.severity) problems.push(`${incident.severity}, expected ${expected.severity}`);
  if (incident.status !== expected.status) problems.push(`${incident.status}, expected ${expected.status}`);
  if (expected.rule === 'post_deployment_issues' && !incident.events.includes(truth.event ?? '')) {
    problems.push(`the deployment ${truth.event} is not among its events`);
  }
  const opened = incident.timeline.filter((type) => type === 'opened').length;
  if (opened !== 1) problems.push(`opened ${opened} times on its timeline`);
  return problems.map((problem) => ({
    kind: 'incident-verdict',
    detail: `${truth.scenario} (${truth.kind}) ${incident.number}: ${problem}`,
  }));
}

function checkNumbers(incidents: readonly SeenIncident[]): Violation[] {
  const byNumber = new Map<string, string>();
  return incidents.flatMap(({ id, number }): Violation[] => {
    const other = byNumber.get(number);
    byNumber.set(number, id);
    return other === undefined ? [] : [{ kind: 'incident-number', detail: `${number} is both ${other} and ${id}` }];
  });
}

function checkMerges(incidents: readonly SeenIncident[]): Violation[] {
  const ids = new Set(incidents.map((incident) => incident.id));
  return incidents
    .filter((incident) => incident.status === 'merged' && !ids.has(incident.mergedInto ?? ''))
    .map(({ number, mergedInto }) => ({
      kind: 'incident-verdict',
      detail: `${number} is merged into ${mergedInto}, which does not exist`,
    }));
}
