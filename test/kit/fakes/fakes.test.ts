import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createPagerDutySink } from '../../../src/integrations/pagerduty/index.js';
import { createSlackSink } from '../../../src/integrations/slack/index.js';
import { sampleContext, sampleNotification, secret } from '../../integrations/delivery.js';
import { drawFault, completeFaults, seededRandom } from './faults.js';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const children: ChildProcess[] = [];
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tocsin-fakes-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child, 'SIGTERM');
  rmSync(dir, { recursive: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

async function start(...args: string[]): Promise<{ child: ChildProcess; facts: Record<string, string> }> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, facts: JSON.parse(line) as Record<string, string> };
}

function readJournal(path: string): Record<string, unknown>[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('as processes', () => {
  it('PagerDuty journals what it accepted, and keeps port, certificate and journal over a kill', async () => {
    const journal = join(dir, 'pd.ndjson');
    const args = ['--pagerduty', '--journal', journal, '--tls-dir', join(dir, 'tls')];
    const first = await start(...args);
    const deliver = () =>
      createPagerDutySink({
        routingKeys: { default: secret('K'.repeat(32)) },
        server: String(first.facts['server']),
        ca: readFileSync(String(first.facts['ca_file']), 'utf8'),
      }).deliver(sampleNotification(), sampleContext());
    expect(await deliver()).toMatchObject({ ok: true });
    await end(first.child, 'SIGKILL');
    await start(...args, '--port', String(first.facts['port']));
    expect(await deliver()).toMatchObject({ ok: true });
    expect(readJournal(journal)).toMatchObject([
      { kind: 'pagerduty', event_action: 'trigger', dedup_key: 'tocsin/0123456789abcdef', role: 'engineering' },
      { kind: 'pagerduty', event_action: 'trigger' },
    ]);
  });

  it('Slack acts and drops the reply, and is found to have acted after a kill', async () => {
    const journal = join(dir, 'slack.ndjson');
    const first = await start('--slack', '--journal', journal, '--drop', '1');
    const channels = { default: '#incidents' };
    const apiUrl = String(first.facts['api_url']);
    const sink = createSlackSink({ token: secret('x'), channels, apiUrl });
    const notification = sampleNotification({ openedAt: Date.now() });
    expect(await sink.deliver(notification, sampleContext())).toMatchObject({ ok: false, unknownOutcome: true });
    await end(first.child, 'SIGKILL');
    await start('--slack', '--journal', journal, '--port', String(first.facts['port']));
    const [posted] = readJournal(journal);
    const byId = createSlackSink({ token: secret('x'), channels: { default: String(posted?.['channel_id']) }, apiUrl });
    expect(await byId.deliver(notification, sampleContext({ attempt: 2, mayRepeat: true }))).toMatchObject({
      ok: true,
      ref: { ts: posted?.['ts'] },
    });
    expect(readJournal(journal)).toHaveLength(1);
  });
});

describe('faults', () => {
  it('come at their rates, and the same for the same seed', () => {
    const draw = (seed: number) => {
      const faults = completeFaults({ failRate: 0.1, dropRate: 0.2, limitRate: 0.05, random: seededRandom(seed) });
      return Array.from({ length: 10_000 }, () => drawFault(faults));
    };
    const drawn = draw(7);
    const share = (fault: string) => drawn.filter((each) => each === fault).length / drawn.length;
    expect(share('fail')).toBeCloseTo(0.1, 1);
    expect(share('drop')).toBeCloseTo(0.2, 1);
    expect(share('limit')).toBeCloseTo(0.05, 1);
    expect(draw(7)).toEqual(drawn);
    expect(draw(8)).not.toEqual(drawn);
  });
});
