/** Keeps a refused body for the operator. The answer to the sender does not depend on whether that works. */
import { isUtf8 } from 'node:buffer';

import type { HttpDeps } from './deps.js';
import type { BodyFault } from './problem.js';
import type { RawBody } from './raw-body.js';

const KEPT_BYTES = 64 * 1024;
/** The sender does not wait longer for it. */
const PATIENCE_MS = 1_000;

export interface Refusal {
  readonly source: string;
  readonly remote: string;
  readonly fault: BodyFault;
  readonly raw: RawBody;
}

/** Never rejects; returns when the body is kept, or after a second. */
export async function keepInQuarantine(deps: HttpDeps, { source, remote, fault, raw }: Refusal): Promise<void> {
  const { metrics, logger } = deps;
  metrics.quarantined.inc({ code: fault.code });
  logger.warn(
    { source, remote, code: fault.code, problem: fault.message, bytes: raw.size },
    'body refused, kept in the quarantine',
  );
  const kept = wholeCharacters(raw.bytes.subarray(0, KEPT_BYTES));
  const encoding = isUtf8(kept) ? 'utf8' : 'base64';
  const item = {
    source,
    remote,
    code: fault.code,
    problem: fault.message,
    bytes: raw.size,
    body: kept.toString(encoding),
    encoding,
  } as const;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  const put = deps.quarantine.put(item).catch((error: unknown) => {
    metrics.quarantineFailed.inc();
    logger.warn({ source, code: fault.code, err: error }, 'quarantine failed, the refused body is lost');
  });
  await Promise.race([put, patience]);
  clearTimeout(timer);
}

/** Without the begun character at the end that a cut leaves. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return back < sequenceLength(byte) ? bytes.subarray(0, bytes.length - back) : bytes;
    if (byte < 0x80) return bytes;
  }
  return bytes;
}

function sequenceLength(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}
