/** How a fake receiver misbehaves: it fails before acting, or acts and never answers, or takes its time. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Faults {
  /** Share of requests answered with 500, nothing done. */
  failRate: number;
  /** Share of requests answered with 429 and `Retry-After: 1`, nothing done. */
  limitRate: number;
  /** Share of requests that are done, whereupon the connection is cut without an answer. */
  dropRate: number;
  /** Share of requests that are done and answered only after `slowMs`. */
  slowRate: number;
  slowMs: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

export type Fault = 'fail' | 'limit' | 'drop' | 'slow' | 'none';

export function completeFaults(given: Partial<Faults>): Faults {
  return { failRate: 0, limitRate: 0, dropRate: 0, slowRate: 0, slowMs: 1_000, random: Math.random, ...given };
}

/** One draw decides, so that the rates are shares of all requests. */
export function drawFault(faults: Faults): Fault {
  let draw = faults.random();
  const shares: [Fault, number][] = [
    ['fail', faults.failRate],
    ['limit', faults.limitRate],
    ['drop', faults.dropRate],
    ['slow', faults.slowRate],
  ];
  for (const [fault, share] of shares) {
    if (draw < share) return fault;
    draw -= share;
  }
  return 'none';
}

/** Small seeded generator (mulberry32): the same seed gives the same faults. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers after acting, as the fault wants it. */
export function answerActed(response: ServerResponse, fault: Fault, faults: Faults, answer: () => void): void {
  if (fault === 'drop') response.socket?.destroy();
  else if (fault === 'slow') setTimeout(answer, faults.slowMs).unref();
  else answer();
}
