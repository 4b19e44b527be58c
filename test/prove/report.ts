/** The table at the end of a run: what was done to the system, what it had to keep, and what it broke. */
import { countRepeats } from './oracle/notifications.js';
import { VIOLATION_KINDS, type Violation, type ViolationKind } from './oracle/violation.js';
import { ALL_POINTS } from './processes/failpoint-draw.js';
import type { Ending, ProcessKind } from './processes/supervised.js';
import type { Ledger, Truth } from './workload/ledger.js';
import type { Verdict } from './witness.js';

export interface RunRecord {
  readonly seed: number;
  readonly title: string;
  readonly killingMs: number;
  readonly endings: readonly Ending[];
  readonly freezes: readonly { readonly ms: number }[];
  readonly powerCuts: { readonly cuts: number; readonly files: number; readonly bytes: number };
  readonly ledger: Ledger;
  readonly truths: readonly Truth[];
  readonly verdict: Verdict;
}

const KINDS: readonly ProcessKind[] = ['intake', 'engine', 'worker', 'all-in-one', 'redis', 'pagerduty', 'slack'];
const DETAILS_PER_KIND = 5;

export function countKills(endings: readonly Ending[]): number {
  return endings.filter((ending) => ending.by === 'killer' || ending.by === 'failpoint').length;
}

export function countByKind(violations: readonly Violation[]): Map<ViolationKind, number> {
  const counts = new Map<ViolationKind, number>();
  for (const { kind } of violations) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Lines of `label value`, aligned. */
function table(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`).join('\n');
}

export function formatReport(record: RunRecord): string {
  return [
    `${record.title}, seed ${record.seed}`,
    'Done to it',
    table(describeHarm(record)),
    'Failpoints that killed (of those passed while armed)',
    table(describeFailpoints(record.endings)),
    'What it had to keep',
    table(describeWork(record)),
    'Violations',
    table(describeViolations(record.verdict.violations)),
  ].join('\n');
}

function describeHarm({ endings, freezes, powerCuts, killingMs }: RunRecord): [string, string | number][] {
  const by = (who: Ending['by'], kind?: ProcessKind): number =>
    endings.filter((ending) => ending.by === who && (kind === undefined || ending.kind === kind)).length;
  const own = endings.filter((ending) => ending.by === 'itself');
  const reasons = new Map<string, number>();
  for (const { kind, what } of own) reasons.set(`${kind} ${what}`, (reasons.get(`${kind} ${what}`) ?? 0) + 1);
  return [
    ['seconds of killing', Math.round(killingMs / 1_000)],
    ['kill -9 in all', countKills(endings)],
    ...KINDS.map((kind): [string, number] => [`  by the killer, ${kind}`, by('killer', kind)]),
    ['  by failpoints', by('failpoint')],
    ['freezes beyond the lease (SIGSTOP)', freezes.length],
    ['power cuts', `${powerCuts.cuts} (${powerCuts.bytes} unsynced bytes taken from ${powerCuts.files} files)`],
    ['ended by themselves', [...reasons].map(([what, count]) => `${count} x ${what}`).join(', ') || 0],
  ];
}

function describeFailpoints(endings: readonly Ending[]): [string, number][] {
  const hits = (point: string): number =>
    endings.filter((ending) => ending.by === 'failpoint' && ending.what === point).length;
  const others = new Set(endings.filter((ending) => ending.by === 'failpoint').map((ending) => ending.what));
  return [...new Set([...ALL_POINTS, ...others])].map((point) => [point, hits(point)]);
}

function describeWork({ ledger, truths, verdict }: RunRecord): [string, string | number][] {
  const { observation, settledAfterMs } = verdict;
  const commits = observation.partitions.reduce((sum, partition) => sum + partition.commits.length, 0);
  const fences = observation.partitions.map((partition) => partition.fence);
  const standing = observation.incidents.filter((incident) => incident.status !== 'merged');
  const notifications = observation.incidents.flatMap((incident) => incident.notifications);
  const status = (wanted: string): number => notifications.filter((each) => each.status === wanted).length;
  const repeats = countRepeats(observation.received);
  return [
    ['webhooks and events acknowledged', `${ledger.acknowledgedDeliveries} (${ledger.repeatedDeliveries} sent again)`],
    ['answers to the senders', [...ledger.answers].map(([answer, count]) => `${answer}: ${count}`).join(', ')],
    ['alerts acknowledged', truths.reduce((sum, truth) => sum + truth.alerts.length, 0)],
    ['alert states acknowledged', ledger.statements().length],
    ['scenarios', `${truths.length} (${truths.filter((truth) => truth.complete).length} complete)`],
    ['incidents', `${standing.length} and ${observation.incidents.length - standing.length} merged into them`],
    ['notifications', `${notifications.length} (${status('sent')} sent, ${status('skipped')} skipped with a reason)`],
    ['arrived at the receivers', observation.received.length],
    ['  repeats absorbed by PagerDuty’s key', repeats.pagerduty],
    ['  repeats in Slack that say so', repeats.slackMarked],
    ['  repeats in Slack that do not', repeats.slackUnmarked],
    ['commits', `${commits} in ${observation.partitions.length} partitions`],
    ['changes of owner', fences.join(', ')],
    ['settled after', `${(settledAfterMs / 1_000).toFixed(1)} s`],
  ];
}

function describeViolations(violations: readonly Violation[]): [string, string][] {
  const counts = countByKind(violations);
  return Object.entries(VIOLATION_KINDS).map(([kind, meaning]) => {
    const count = counts.get(kind as ViolationKind) ?? 0;
    return [`${kind}`, `${String(count).padStart(5)}  ${meaning}`];
  });
}

/** The first violations of each kind, for whoever has to look for the cause. */
export function formatDetails(violations: readonly Violation[]): string {
  const shown = new Map<ViolationKind, number>();
  const lines: string[] = [];
  for (const { kind, detail } of violations) {
    const count = (shown.get(kind) ?? 0) + 1;
    shown.set(kind, count);
    if (count <= DETAILS_PER_KIND) lines.push(`  ${kind}: ${detail}`);
  }
  return lines.join('\n');
}
