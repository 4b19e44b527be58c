/**
 * PagerDuty and Slack as processes that sometimes fail, and sometimes act and drop the reply. Each appends what took
 * effect to a journal before it answers, so that the journal is right whoever is killed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Received } from '../oracle/observation.js';
import { Supervised } from './supervised.js';

export interface Receivers {
  readonly processes: readonly Supervised[];
  readonly pagerdutyPort: number;
  readonly slackPort: number;
  /** Authority of PagerDuty's certificate, PEM. */
  readonly caFile: string;
  /** Everything that took effect so far. */
  received(): Received[];
}

export interface ReceiverOptions {
  readonly root: string;
  /** Arguments with which node runs TypeScript. */
  readonly tsx: readonly string[];
  readonly dir: string;
  readonly pagerdutyPort: number;
  readonly slackPort: number;
}

const FAIL_RATE = 0.03;
const DROP_RATE = 0.03;
const READY_WITHIN_MS = 20_000;

export async function startReceivers(options: ReceiverOptions): Promise<Receivers> {
  const { dir, pagerdutyPort, slackPort } = options;
  const tlsDir = join(dir, 'pagerduty-tls');
  const journals = { pagerduty: join(dir, 'pagerduty.ndjson'), slack: join(dir, 'slack.ndjson') };
  const plan = (kind: 'pagerduty' | 'slack', port: number, more: readonly string[]): Supervised =>
    new Supervised({
      name: kind,
      kind,
      command: process.execPath,
      args: [
        ...options.tsx,
        join(options.root, 'test', 'kit', 'fakes', 'main.ts'),
        ...[`--${kind}`, '--port', String(port), '--journal', journals[kind]],
        ...['--fail', String(FAIL_RATE), '--drop', String(DROP_RATE), ...more],
      ],
      cwd: options.root,
      env: () => process.env,
      logFile: join(dir, `${kind}.log`),
    });
  const processes = [plan('pagerduty', pagerdutyPort, ['--tls-dir', tlsDir]), plan('slack', slackPort, [])];
  for (const each of processes) each.start();
  const caFile = join(tlsDir, 'ca.pem');
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!existsSync(join(tlsDir, 'key.pem'))) {
    if (performance.now() > deadline)
      throw new Error(`the fake PagerDuty did not start, see ${join(dir, 'pagerduty.log')}`);
    await pause(20);
  }
  return {
    processes,
    pagerdutyPort,
    slackPort,
    caFile,
    received: () => [...readPagerDuty(journals.pagerduty), ...readSlack(journals.slack)],
  };
}

function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as T);
}

interface PagerDutyLine {
  readonly event_action: 'trigger' | 'resolve';
  readonly dedup_key: string;
  readonly effect?: string;
  readonly role?: string;
  readonly routing_key: string;
}

function readPagerDuty(path: string): Received[] {
  return readLines<PagerDutyLine>(path).map((line, order) => ({
    channel: 'pagerduty',
    // by the key, not by what the message says: the key decides who is woken
    role: line.routing_key.replace(/0+$/, ''),
    action: line.event_action,
    ...readDedupKey(line.dedup_key),
    effect: line.effect ?? '?',
    marked: false,
    order,
  }));
}

interface SlackLine {
  readonly method: string;
  readonly channel_name: string;
  readonly text: string;
  readonly metadata?: { readonly event_payload: Readonly<Record<string, string>> };
}

function readSlack(path: string): Received[] {
  return readLines<SlackLine>(path).flatMap((line, order): Received[] => {
    if (line.method !== 'chat.postMessage') return [];
    const { effect = '?', dedup_key: key = '?', action = '?' } = line.metadata?.event_payload ?? {};
    return [
      {
        channel: 'slack',
        role: line.channel_name,
        action: action === 'resolve' ? 'resolve' : 'trigger',
        ...readDedupKey(key),
        effect,
        marked: line.text.startsWith('(may repeat)'),
        order,
      },
    ];
  });
}

/** `tocsin/<incident>`, with `/<generation>` from the first re-opening on. */
function readDedupKey(key: string): Pick<Received, 'incident' | 'generation'> {
  const [, incident = key, generation = '0'] = key.split('/');
  return { incident, generation: Number(generation) };
}
