/**
 * Reads a body as bytes, whatever its declared length, and never keeps more than the limit.
 *
 * What is over the limit is read on and thrown away for a while, because a sender that is still writing does not see the
 * answer; after that the connection is cut.
 */
import type { IncomingMessage } from 'node:http';

export interface RawBody {
  /** The body; only its beginning when it was too large. */
  readonly bytes: Buffer;
  /** Bytes that arrived. */
  readonly size: number;
  readonly tooLarge: boolean;
}

export const EMPTY_BODY: RawBody = { bytes: Buffer.alloc(0), size: 0, tooLarge: false };

/** Kept of a body that is too large, for the quarantine. */
const KEPT_BYTES = 64 * 1024;
/** How many times the limit is read before the sender is cut off. */
const DRAIN_FACTOR = 4;

/** Calls `done` once: with the body, or with the error that ended the connection. `grow` hears of bytes as they are held. */
export function readRawBody(
  payload: IncomingMessage,
  limit: number,
  grow: (bytes: number) => void,
  done: (error: Error | null, body?: RawBody) => void,
): void {
  let chunks: Buffer[] = [];
  let size = 0;
  let tooLarge = false;
  const declared = Number(payload.headers['content-length'] ?? 0);

  function onData(chunk: Buffer): void {
    size += chunk.length;
    if (!tooLarge) {
      chunks.push(chunk);
      grow(chunk.length);
      if (size <= limit) return;
      tooLarge = true;
      // a copy: a view would keep all of it in memory
      chunks = [Buffer.from(Buffer.concat(chunks).subarray(0, KEPT_BYTES))];
    }
    if (size > limit * DRAIN_FACTOR || declared > limit * DRAIN_FACTOR) finish(null);
  }

  function finish(error: Error | null): void {
    payload.off('data', onData).off('end', onEnd).off('error', finish).off('aborted', onAborted);
    if (error !== null) return done(error);
    const [only] = chunks;
    const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    done(null, { bytes, size, tooLarge });
  }
  const onEnd = () => finish(null);
  const onAborted = () => finish(new Error('the sender closed the connection'));
  payload.on('data', onData).on('end', onEnd).on('error', finish).on('aborted', onAborted);
}
