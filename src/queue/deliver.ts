/**
 * What a worker does with one effect: claim, look again, deliver, and settle or give back. BullMQ is not known here.
 *
 * The row in the outbox decides everything. Whatever ends this function early (a kill, a lost Redis) leaves a claim that
 * expires, after which the effect is handed out again with `mayRepeat`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Input } from '../domain/input.js';
import { plainLine } from '../domain/text.js';
import { effectful } from '../failpoints.js';
import { renderNotification } from '../notify/message.js';
import { recheck } from '../notify/recheck.js';
import type { ActionResult, Sink } from '../ports/sink.js';
import type { Claim, Outbox } from '../ports/store.js';
import { backoffDelay, type RetrySettings } from './backoff.js';
import type { EffectJob } from './connection.js';
import { startDeadline } from './deadline.js';
import type { WorkerEvent } from './events.js';

export interface DeliverySettings {
  /** How long a claim keeps other workers away, ms. A delivery gets at most 60 % of it, and 10 s. */
  readonly claimTtlMs: number;
  readonly retry: RetrySettings;
}

export interface DeliveryContext {
  readonly outbox: Outbox;
  readonly sinks: ReadonlyMap<string, Sink>;
  readonly externalUrl: string;
  readonly settings: DeliverySettings;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly report: (event: WorkerEvent) => void;
  /** Aborted when the replica does not wait any longer for what is in hand. */
  readonly stop: AbortSignal;
}

type Claimed = Extract<Claim, { status: 'claimed' }>;
type Result = Extract<Input, { kind: 'result' }>;

/** Share of the claim's time that a delivery may use; the rest is for writing down what came of it. */
const DELIVERY_SHARE = 0.6;
const LONGEST_DELIVERY_MS = 10_000;
const OBEY_MS = 250;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Never rejects: what went wrong is reported, and the outbox brings the effect back. */
export async function deliverEffect(job: EffectJob, context: DeliveryContext): Promise<void> {
  const startedAt = performance.now();
  try {
    const claim = await takeClaim(job, context);
    if (claim.status === 'claimed') await handle(job, claim, startedAt, context);
    else context.report({ type: 'passed', effect: job.effect, status: claim.status });
  } catch (error) {
    context.report({ type: 'error', effect: job.effect, error: asError(error) });
  }
}

async function handle(job: EffectJob, claim: Claimed, startedAt: number, context: DeliveryContext): Promise<void> {
  const { effect, incident, attempt } = claim;
  const verdict = recheck(effect, incident, claim.lane);
  if (!verdict.act) return settle(job, claim, startedAt, context, { outcome: 'skipped', reason: verdict.reason });
  if (claim.now > effect.expiresAt) {
    const reason = `not delivered before it expired, ${attempt - 1} attempts`;
    return settle(job, claim, startedAt, context, { outcome: 'failed', reason });
  }
  const sink = context.sinks.get(effect.sink);
  if (sink === undefined) {
    const reason = `the sink ${effect.sink} is not configured any more`;
    return settle(job, claim, startedAt, context, { outcome: 'failed', reason });
  }

  const result = await send(sink, claim, startedAt, context);
  if (result.ok) {
    const ref = result.ref === undefined ? {} : { ref: result.ref };
    return settle(job, claim, startedAt, context, { outcome: 'sent', reason: result.detail, ...ref });
  }
  if (!result.retry) return settle(job, claim, startedAt, context, { outcome: 'failed', reason: result.detail });
  const delayMs = result.reason === 'cancelled' ? 0 : nextPause(claim, result, context);
  if (claim.now + (performance.now() - startedAt) + delayMs > effect.expiresAt) {
    const reason = `gave up after ${attempt} attempts: ${result.detail}`;
    return settle(job, claim, startedAt, context, { outcome: 'failed', reason });
  }
  return release(job, claim, startedAt, context, result, delayMs);
}

/**
 * Claims, insisting while Redis fails. An earlier try whose answer was lost may have taken the claim: then we find the
 * effect held, give our own claim back without a mark, and take it again.
 */
async function takeClaim(job: EffectJob, context: DeliveryContext): Promise<Claim> {
  const { outbox, settings } = context;
  const token = randomUUID();
  const until = performance.now() + settings.claimTtlMs / 2;
  let unsure = false;
  const attempt = (): Promise<Claim> =>
    effectful('worker.claim', () => outbox.claim(job.partition, job.effect, token, settings.claimTtlMs)).catch(
      (error: unknown) => {
        unsure = true;
        throw error;
      },
    );
  const claim = await insist(attempt, until, context.stop);
  if (claim.status !== 'held' || !unsure) return claim;
  const giveBack = (): Promise<boolean> =>
    effectful('worker.release', () => outbox.release(job.partition, job.effect, token, 0, false));
  const ours = await insist(giveBack, until, context.stop);
  return ours ? insist(attempt, until, context.stop) : claim;
}

/** One delivery, ended by its deadline or by the end of this replica, whatever the sink does with the signal. */
async function send(sink: Sink, claim: Claimed, startedAt: number, context: DeliveryContext): Promise<ActionResult> {
  const { effect, incident, attempt, mayRepeat } = claim;
  const share = Math.min(LONGEST_DELIVERY_MS, context.settings.claimTtlMs * DELIVERY_SHARE);
  const deadline = startDeadline(Math.max(1, share - (performance.now() - startedAt)), context.stop);
  const { signal } = deadline;
  const notification = renderNotification(effect, incident, { externalUrl: context.externalUrl });
  const deaf = new Promise<ActionResult>((resolve) => {
    // a sink that obeys knows more: it gets the time to say so
    signal.addEventListener('abort', () => setTimeout(() => resolve(interrupted(sink, context.stop)), OBEY_MS).unref());
  });
  try {
    return await effectful('worker.deliver', () =>
      Promise.race([sink.deliver(notification, { signal, attempt, mayRepeat }), deaf]),
    );
  } catch (error) {
    const detail = `the sink ${sink.type} threw: ${plainLine(asError(error).message, 300)}`;
    return { ok: false, retry: true, reason: 'client', detail, unknownOutcome: true };
  } finally {
    deadline.clear();
  }
}

function interrupted(sink: Sink, stop: AbortSignal): ActionResult {
  return {
    ok: false,
    retry: true,
    reason: stop.aborted ? 'cancelled' : 'timeout',
    detail: `${sink.type} did not end in time`,
    unknownOutcome: true,
  };
}

function nextPause(claim: Claimed, result: Extract<ActionResult, { ok: false }>, context: DeliveryContext): number {
  return backoffDelay(claim.attempt, context.settings.retry, result.retryAfterMs, context.random);
}

async function settle(
  job: EffectJob,
  claim: Claimed,
  startedAt: number,
  context: DeliveryContext,
  end: Pick<Result, 'outcome' | 'reason' | 'ref'>,
): Promise<void> {
  const { effect, attempt, token } = claim;
  const attempts = end.outcome === 'skipped' ? attempt - 1 : attempt;
  const result: Result = { kind: 'result', effect: effect.id, incident: effect.incident, attempts, ...end };
  const kept = await insistOnWrite(startedAt, context, () =>
    effectful('worker.settle', () => context.outbox.settle(job.partition, job.effect, token, result)),
  );
  context.report({
    type: 'settled',
    effect,
    outcome: end.outcome,
    reason: end.reason,
    attempts,
    kept,
    ...times(claim, startedAt),
  });
}

async function release(
  job: EffectJob,
  claim: Claimed,
  startedAt: number,
  context: DeliveryContext,
  result: Extract<ActionResult, { ok: false }>,
  delayMs: number,
): Promise<void> {
  const kept = await insistOnWrite(startedAt, context, () =>
    effectful('worker.release', () =>
      context.outbox.release(job.partition, job.effect, claim.token, delayMs, result.unknownOutcome),
    ),
  );
  const { effect, attempt } = claim;
  const { reason, detail } = result;
  context.report({
    type: 'retry',
    effect,
    reason,
    detail,
    attempts: attempt,
    delayMs,
    kept,
    ...times(claim, startedAt),
  });
}

function times(claim: Claimed, startedAt: number): { readonly lateMs: number; readonly tookMs: number } {
  return { lateMs: Math.max(0, claim.now - claim.effect.dueAt), tookMs: performance.now() - startedAt };
}

/** A write whose answer was lost finds no claim when it is repeated: then it was kept, as far as anybody can tell. */
async function insistOnWrite(
  startedAt: number,
  context: DeliveryContext,
  write: () => Promise<boolean>,
): Promise<boolean> {
  let unsure = false;
  const attempt = (): Promise<boolean> =>
    write().catch((error: unknown) => {
      unsure = true;
      throw error;
    });
  return (await insist(attempt, startedAt + context.settings.claimTtlMs, context.stop)) || unsure;
}

/**
 * For writes of the outbox, which compare the claim's token and so are safe to repeat. Repeats until it succeeds, the
 * time is over (`until`, of performance.now) or the replica stops; then rejects with the last error.
 */
async function insist<T>(fn: () => Promise<T>, until: number, stop: AbortSignal): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await fn();
    } catch (error) {
      if (stop.aborted || performance.now() + pauseMs > until) throw error;
      await pause(pauseMs, undefined, { signal: stop }).catch(() => undefined);
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
