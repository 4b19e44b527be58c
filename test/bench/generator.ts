/**
 * The load generator, its own process: told what to send by the parent over IPC, it prebuilds all requests, then sends.
 * `flood`: every connection sends its next request as soon as the last one is answered. `pace`: one alert at a time at a
 * fixed rate whatever the server does (open loop), with the instant of each for the latency.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { buildRequest, openConnection, type Connection } from './http-connection.js';
import { bodiesPerPass, bodyOf, type Workload } from './workload.js';

interface Target {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
}

export type Order =
  | { readonly kind: 'flood'; readonly target: Target; readonly workload: Workload; readonly posts: number }
  | {
      readonly kind: 'pace';
      readonly target: Target;
      readonly workload: Workload;
      readonly posts: number;
      readonly perSecond: number;
    };

export interface FloodResult {
  readonly kind: 'flood';
  readonly accepted: number;
  /** Answers 503, sent again after Retry-After. */
  readonly refused: number;
  /** Any other answer or a broken connection. */
  readonly failed: number;
  readonly firstProblem?: string;
  /** From the first byte sent to the last answer, on the clock of process.hrtime. */
  readonly startedNs: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface PaceResult {
  readonly kind: 'pace';
  readonly failed: number;
  /** When each alert was handed over, hrtime in ms; index = number in the service name. */
  readonly sentAtMs: readonly number[];
  /** When each was answered. */
  readonly answeredAtMs: readonly number[];
}

function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function prebuild(order: Order): Buffer[] {
  const { target, workload } = order;
  const count = Math.min(order.posts, bodiesPerPass(workload));
  return Array.from({ length: count }, (_, index) =>
    buildRequest(target.path, `127.0.0.1:${target.port}`, bodyOf(workload, index), target.headers),
  );
}

async function flood(order: Extract<Order, { kind: 'flood' }>, requests: readonly Buffer[]): Promise<FloodResult> {
  const connections = await Promise.all(
    Array.from({ length: order.target.connections }, () => openConnection(order.target.port)),
  );
  let next = 0;
  let accepted = 0;
  let refused = 0;
  let failed = 0;
  let firstProblem: string | undefined;
  const startedNs = process.hrtime.bigint();
  const cpuBefore = process.cpuUsage();
  await Promise.all(
    connections.map(
      (connection) =>
        new Promise<void>((resolve) => {
          function advance(): void {
            if (next >= order.posts) return resolve();
            const request = requests[next % requests.length];
            next += 1;
            if (request !== undefined) attempt(request);
          }
          function attempt(request: Buffer): void {
            connection.send(request, (answer) => {
              if (answer?.status === 503) {
                refused += 1;
                void delay(Math.max(answer.retryAfterMs, 100)).then(() => attempt(request));
                return;
              }
              if (answer !== undefined && answer.status >= 200 && answer.status < 300) accepted += 1;
              else {
                failed += 1;
                firstProblem ??= answer === undefined ? 'connection closed' : `status ${answer.status}`;
              }
              if (answer === undefined) return resolve();
              advance();
            });
          }
          advance();
        }),
    ),
  );
  const seconds = Number(process.hrtime.bigint() - startedNs) / 1e9;
  const cpu = process.cpuUsage(cpuBefore);
  for (const connection of connections) connection.close();
  return {
    kind: 'flood',
    accepted,
    refused,
    failed,
    ...(firstProblem === undefined ? {} : { firstProblem }),
    startedNs: String(startedNs),
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

async function pace(order: Extract<Order, { kind: 'pace' }>, requests: readonly Buffer[]): Promise<PaceResult> {
  const idle: Connection[] = await Promise.all(
    Array.from({ length: order.target.connections }, () => openConnection(order.target.port)),
  );
  const all = [...idle];
  const waiting: number[] = [];
  const sentAtMs: number[] = [];
  const answeredAtMs: number[] = [];
  let failed = 0;
  let answered = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  function pump(): void {
    while (waiting.length > 0 && idle.length > 0) {
      const index = waiting.shift();
      const connection = idle.pop();
      const request = index === undefined ? undefined : requests[index];
      if (index === undefined || connection === undefined || request === undefined) return;
      connection.send(request, (answer) => {
        answeredAtMs[index] = nowMs();
        if (answer === undefined || answer.status < 200 || answer.status > 299) failed += 1;
        if (answer !== undefined) idle.push(connection);
        answered += 1;
        if (answered === order.posts) finish();
        pump();
      });
    }
  }
  const begun = nowMs();
  let handed = 0;
  const timer = setInterval(() => {
    const now = nowMs();
    const due = Math.min(order.posts, Math.floor(((now - begun) * order.perSecond) / 1000));
    // Handed over at this instant, even when it must wait for a connection: waiting is part of the latency.
    for (; handed < due; handed += 1) {
      sentAtMs[handed] = now;
      waiting.push(handed);
    }
    pump();
    if (handed === order.posts) clearInterval(timer);
  }, 1);
  await Promise.race([finished, delay((order.posts / order.perSecond) * 1000 + 30_000)]);
  clearInterval(timer);
  for (const connection of all) connection.close();
  return { kind: 'pace', failed: failed + order.posts - answered, sentAtMs, answeredAtMs };
}

/** The parent says `build` with an order, gets `ready`, says `go`, gets the result: building is not part of the clock. */
let current: { readonly order: Order; readonly requests: readonly Buffer[] } | undefined;
process.on('message', (message: { readonly say: 'build'; readonly order: Order } | { readonly say: 'go' }) => {
  if (message.say === 'build') {
    current = { order: message.order, requests: prebuild(message.order) };
    process.send?.('ready');
    return;
  }
  if (current === undefined) throw new Error('told to go before an order');
  const { order, requests } = current;
  const run = order.kind === 'flood' ? flood(order, requests) : pace(order, requests);
  void run.then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit(0));
