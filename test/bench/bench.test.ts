/** The measuring instruments themselves: a wrong quantile or two unequal workloads would make every figure wrong. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { buildRequest, openConnection, type Answer } from './http-connection.js';
import { cpuSeconds, processTree, residentBytes } from './processes.js';
import { intakeVerdicts, latencyVerdicts, memoryVerdicts } from './report.js';
import { median, quantile, reading } from './statistics.js';
import { bodiesPerPass, bodyOf, type Workload } from './workload.js';

const WORKLOAD: Workload = {
  envelope: 'webhook',
  distinct: 200,
  services: 10,
  perBody: 10,
  prefix: 'shop',
  startsAt: '2026-11-22T10:00:00Z',
};

interface SentAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly fingerprint?: string;
}

function alertsOf(workload: Workload): readonly SentAlert[] {
  return Array.from(
    { length: bodiesPerPass(workload) },
    (_, index) => JSON.parse(bodyOf(workload, index)) as unknown,
  ).flatMap((body) => (Array.isArray(body) ? (body as SentAlert[]) : (body as { alerts: SentAlert[] }).alerts));
}

describe('statistics', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('takes quantiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantile(hundred, 0.5)).toBe(50);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile([7], 0.99)).toBe(7);
  });
});

describe('workload', () => {
  it('sends the same alerts in both envelopes, each series once a pass', () => {
    const webhook = alertsOf(WORKLOAD);
    const api = alertsOf({ ...WORKLOAD, envelope: 'api-v2' });
    expect(webhook.map(({ labels }) => labels)).toEqual(api.map(({ labels }) => labels));
    expect(new Set(webhook.map(({ labels }) => JSON.stringify(labels))).size).toBe(200);
    expect(new Set(webhook.map(({ fingerprint }) => fingerprint)).size).toBe(200);
    expect(new Set(webhook.map(({ labels }) => labels['service'])).size).toBe(10);
  });
});

describe('connection', () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  async function answersTo(pieces: readonly string[]): Promise<Answer | undefined> {
    const server = createServer((socket) => {
      socket.once('data', () => {
        const rest = [...pieces];
        // one piece a turn of the loop, so that they arrive apart
        const next = (): void => {
          const piece = rest.shift();
          if (piece === undefined) return;
          if (piece === 'CLOSE') socket.destroy();
          else socket.write(piece, () => setImmediate(next));
        };
        next();
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const connection = await openConnection((server.address() as AddressInfo).port);
    const answer = await new Promise<Answer | undefined>((resolve) =>
      connection.send(buildRequest('/x', 'h', '{}'), resolve),
    );
    connection.close();
    return answer;
  }

  it('reads the status of an answer that arrives in pieces', async () => {
    expect(await answersTo(['HTTP/1.1 202 Acc', 'epted\r\ncontent-length: 5\r\n\r\nab', 'cde'])).toEqual({
      status: 202,
      retryAfterMs: 0,
    });
  });

  it('reads Retry-After of a 503 and chunked bodies', async () => {
    const head = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await answersTo([head, '2\r\nok\r\n', '0\r\n\r\n'])).toEqual({ status: 503, retryAfterMs: 2000 });
  });

  it('tells when the server closes instead of answering', async () => {
    expect(await answersTo(['HTTP/1.1 202 Accepted\r\n', 'CLOSE'])).toBeUndefined();
  });
});

// CPU time and memory come from /proc; the bench itself refuses to run elsewhere.
const onLinux = process.platform === 'linux' ? it : it.skip;

describe('process readings', () => {
  onLinux('sees its own process', () => {
    expect(processTree(process.pid).map(({ pid }) => pid)).toContain(process.pid);
    expect(cpuSeconds(process.pid)).toBeGreaterThan(0);
    const resident = Array.from(residentBytes(process.pid).values()).reduce((sum, bytes) => sum + bytes, 0);
    expect(resident).toBeGreaterThan(process.memoryUsage().heapUsed / 2);
  });
});

describe('verdicts', () => {
  const intake = (rate: number, cpu: number) => ({
    alertsPerSecond: reading([rate]),
    acknowledgedPerSecond: reading([rate]),
    alertsPerCpuSecond: reading([cpu]),
    refused: 0,
  });

  it('judges intake by the three goals', () => {
    const figures = { 'json-only': intake(100, 100), alertmanager: intake(50, 10), tocsin: intake(46, 14) };
    const verdicts = intakeVerdicts({
      variant: 'repeats',
      alerts: 1,
      distinct: 1,
      bodyBytes: 1,
      generatorCeiling: 1,
      figures,
    });
    expect(verdicts.map(({ met }) => met)).toEqual([true, false, false]);
  });

  it('judges latency and memory by "at most"', () => {
    const latency = (p50: number, p99: number) => ({
      p50: reading([p50]),
      p99: reading([p99]),
      ackP50: reading([0]),
      ackP99: reading([0]),
      missing: 0,
      repeats: 0,
      connectionsPerPage: reading([0]),
    });
    const judged = latencyVerdicts({
      perSecond: 1,
      alerts: 1,
      figures: { tocsin: latency(3, 31), alertmanager: latency(1, 10) },
    });
    expect(judged.map(({ met }) => met)).toEqual([true, false]);
    const memory = memoryVerdicts({
      alerts: 1000,
      settleSeconds: 1,
      figures: {
        tocsin: { total: reading([60]), byProgram: { node: reading([40]), 'redis-server': reading([20]) } },
        alertmanager: { total: reading([100]), byProgram: {} },
      },
    });
    expect(memory.map(({ ratio, met }) => [ratio, met])).toEqual([
      [0.4, true],
      [0.6, false],
    ]);
  });
});
