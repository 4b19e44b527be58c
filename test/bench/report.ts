/** From results to the table that people read: every goal is a ratio, met or missed. */
import type { IntakeResult } from './intake.js';
import type { LatencyResult } from './latency.js';
import type { MachineFacts } from './machine.js';
import type { MemoryResult } from './memory.js';

export interface BenchReport {
  readonly machine: MachineFacts;
  readonly intake: readonly IntakeResult[];
  readonly latency: readonly LatencyResult[];
  readonly memory?: MemoryResult;
  readonly verdicts: readonly Verdict[];
}

export interface Verdict {
  readonly figure: string;
  readonly ours: string;
  readonly theirs: string;
  readonly ratio: number;
  readonly goal: string;
  readonly met: boolean;
}

function atLeast(figure: string, ours: number, theirs: number, goal: number, show: (value: number) => string): Verdict {
  const ratio = ours / theirs;
  return { figure, ours: show(ours), theirs: show(theirs), ratio, goal: `≥ ${goal}`, met: ratio >= goal };
}

function atMost(figure: string, ours: number, theirs: number, goal: number, show: (value: number) => string): Verdict {
  const ratio = ours / theirs;
  return { figure, ours: show(ours), theirs: show(theirs), ratio, goal: `≤ ${goal}`, met: ratio <= goal };
}

const perSecond = (value: number): string => `${(value / 1000).toFixed(1)} k/s`;
const perCpuSecond = (value: number): string => `${(value / 1000).toFixed(1)} k/CPU s`;
const milliseconds = (value: number): string => `${value.toFixed(2)} ms`;
const megabytes = (value: number): string => `${(value / 1e6).toFixed(0)} MB`;

export function intakeVerdicts({ variant, figures }: IntakeResult): readonly Verdict[] {
  const { tocsin, alertmanager } = figures;
  const json = figures['json-only'];
  if (tocsin === undefined) return [];
  const rate = tocsin.alertsPerSecond.median;
  const what = `intake (${variant})`;
  return [
    ...(json === undefined
      ? []
      : [atLeast(`${what}: alerts/s against JSON only`, rate, json.alertsPerSecond.median, 0.45, perSecond)]),
    ...(alertmanager === undefined
      ? []
      : [
          atLeast(`${what}: alerts/s against Alertmanager`, rate, alertmanager.alertsPerSecond.median, 1, perSecond),
          atLeast(
            `${what}: alerts per CPU second against Alertmanager`,
            tocsin.alertsPerCpuSecond.median,
            alertmanager.alertsPerCpuSecond.median,
            1.5,
            perCpuSecond,
          ),
        ]),
  ];
}

export function latencyVerdicts({ perSecond: rate, figures }: LatencyResult): readonly Verdict[] {
  const { tocsin, alertmanager } = figures;
  if (tocsin === undefined || alertmanager === undefined) return [];
  return [
    atMost(`alert to page p50 at ${rate}/s`, tocsin.p50.median, alertmanager.p50.median, 3, milliseconds),
    atMost(`alert to page p99 at ${rate}/s`, tocsin.p99.median, alertmanager.p99.median, 3, milliseconds),
  ];
}

export function memoryVerdicts({ alerts, figures }: MemoryResult): readonly Verdict[] {
  const { tocsin, alertmanager } = figures;
  if (tocsin === undefined || alertmanager === undefined) return [];
  const redis = Object.entries(tocsin.byProgram).find(([program]) => /redis|valkey/.test(program))?.[1].median ?? 0;
  const total = tocsin.total.median;
  const what = `memory of ${alerts / 1000}k active alerts`;
  return [
    atMost(`${what}: daemon`, total - redis, alertmanager.total.median, 0.5, megabytes),
    atMost(`${what}: daemon and its Redis`, total, alertmanager.total.median, 0.5, megabytes),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

/** The whole report as Markdown. */
export function renderReport(report: BenchReport): string {
  const { machine } = report;
  const parts = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node},` +
      ` fastify ${machine.fastify}; load average before the run ${machine.loadBefore.toFixed(2)}; ${machine.at}`,
    `${machine.redis}`,
    `${machine.alertmanager}`,
    ...report.intake.map(renderIntake),
    ...report.latency.map(renderLatency),
    ...(report.memory === undefined ? [] : [renderMemory(report.memory)]),
  ];
  if (report.verdicts.length > 0) parts.push(renderVerdicts(report.verdicts));
  return parts.join('\n\n');
}

function renderIntake(result: IntakeResult): string {
  const rows = Object.entries(result.figures).map(([name, figure]) => [
    name,
    perSecond(figure.alertsPerSecond.median),
    figure.alertsPerSecond.values.map((value) => (value / 1000).toFixed(1)).join(' '),
    perSecond(figure.acknowledgedPerSecond.median),
    perCpuSecond(figure.alertsPerCpuSecond.median),
    String(figure.refused),
  ]);
  const head = ['server', 'committed', 'each round (k/s)', 'acknowledged', 'per CPU second', '503s'];
  return [
    `Intake, ${result.alerts} alerts a round (${result.distinct} distinct), 10 a body of ${(result.bodyBytes / 1000).toFixed(1)} kB, 32 connections;` +
      ` the generator alone reaches ${perSecond(result.generatorCeiling)}`,
    table(head, rows),
  ].join('\n\n');
}

function renderLatency(result: LatencyResult): string {
  const rows = Object.entries(result.figures).map(([name, figure]) => [
    name,
    milliseconds(figure.p50.median),
    milliseconds(figure.p99.median),
    figure.p99.values.map((value) => value.toFixed(1)).join(' '),
    `${milliseconds(figure.ackP50.median)} / ${milliseconds(figure.ackP99.median)}`,
    String(figure.missing),
    String(figure.repeats),
    figure.connectionsPerPage.median.toFixed(3),
  ]);
  const head = [
    'server',
    'page p50',
    'page p99',
    'each round p99',
    'answer p50 / p99',
    'missing',
    'repeated',
    'TLS connections a page',
  ];
  return [`Alert to page, ${result.perSecond}/s, ${result.alerts} alerts a round`, table(head, rows)].join('\n\n');
}

function renderMemory(result: MemoryResult): string {
  const rows = Object.entries(result.figures).map(([name, figure]) => [
    name,
    megabytes(figure.total.median),
    figure.total.values.map((value) => (value / 1e6).toFixed(0)).join(' '),
    Object.entries(figure.byProgram)
      .map(([program, size]) => `${program} ${megabytes(size.median)}`)
      .join(', '),
  ]);
  const head = ['server', 'resident', 'each round (MB)', 'by program'];
  return [
    `Memory, ${result.alerts} active alerts, ${result.settleSeconds} s after the last commit`,
    table(head, rows),
  ].join('\n\n');
}

function renderVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ figure, ours, theirs, ratio, goal, met }) => [
    figure,
    ours,
    theirs,
    ratio.toFixed(2),
    goal,
    met ? 'met' : 'MISSED',
  ]);
  return table(['figure', 'ours', 'theirs', 'ratio', 'goal', ''], rows);
}
