/** What the relay and the workers share: names, and how a connection of BullMQ to Redis behaves. */
import type { ConnectionOptions } from 'bullmq';
import type { RedisOptions } from 'ioredis';

/**
 * Options of ioredis: where Redis is and how to log in. (`replyMapping` is left out: as an optional key it fits neither
 * ioredis's own constructor nor BullMQ's under exactOptionalPropertyTypes.)
 */
export type QueueConnection = Omit<RedisOptions, 'replyMapping'>;

/** Data of a job: where the effect's row is. The row is the record, the job only a nudge. */
export interface EffectJob {
  readonly partition: number;
  readonly effect: string;
}

export function queueName(sink: string): string {
  return `effects-${sink}`;
}

/** One hash tag for all keys of BullMQ: they must share a slot of a Redis Cluster. */
export function bullPrefix(prefix: string): string {
  return `{${prefix}-bull}`;
}

/** Pause before the `times`th reconnection, ms: soon, because a page may wait behind it. */
export function reconnectDelay(times: number): number {
  return Math.min(50 * 2 ** Math.min(times - 1, 6), 2_000);
}

/** A socket on which an answer is due and nothing comes is given up after this time, ms: half-open connections. */
export const SOCKET_TIMEOUT_MS = 15_000;

/** BullMQ declares its options without `undefined`: leaves out what is not set. */
export function withoutUndefined(connection: QueueConnection): ConnectionOptions {
  return Object.fromEntries(Object.entries(connection).filter(([, value]) => value !== undefined));
}
