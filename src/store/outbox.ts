/** The workers' side of the outbox. lua/outbox.lua describes the rows, lua/claim.lua and lua/settle.lua the transitions. */
import type { Effect } from '../domain/effect.js';
import type { Incident } from '../domain/incident.js';
import { encodeInput } from '../domain/input.js';
import type { Claim, Outbox } from '../ports/store.js';
import type { Connection } from './connect.js';
import type { PartitionKeys } from './keys.js';
import type { Scripts } from './scripts.js';

type ClaimReply =
  | readonly ['gone' | 'held' | 'lane-busy' | 'not-due']
  | readonly [
      status: 'claimed',
      blob: string,
      head: string,
      attempt: string,
      maybe: string,
      triggered: string,
      resolved: string,
      now: string,
    ];

function parseClaim(reply: ClaimReply, token: string): Claim {
  if (reply[0] !== 'claimed') return { status: reply[0] };
  const [, blob, head, attempt, maybe, triggered, resolved, now] = reply;
  return {
    status: 'claimed',
    effect: JSON.parse(blob) as Effect,
    incident: JSON.parse(head) as Incident,
    token,
    attempt: Number(attempt),
    mayRepeat: maybe === '1',
    lane: { triggered: triggered === '1', resolved: resolved === '1' },
    now: Number(now),
  };
}

export function createOutbox(connection: Connection, scripts: Scripts, partitions: readonly PartitionKeys[]): Outbox {
  function keysOf(partition: number): PartitionKeys {
    const keys = partitions[partition];
    if (keys === undefined) throw new RangeError(`there is no partition ${partition}`);
    return keys;
  }

  return {
    async claim(partition, effectId, token, ttlMs) {
      const keys = keysOf(partition);
      const on = [keys.effst, keys.eff, keys.due, keys.lane, keys.inc];
      const reply = await connection.run(`claim effect ${effectId}`, (redis) =>
        scripts.run(redis, 'claim', on, [effectId, token, ttlMs]),
      );
      return parseClaim(reply as ClaimReply, token);
    },

    async settle(partition, effectId, token, result) {
      const keys = keysOf(partition);
      const on = [keys.effst, keys.eff, keys.due, keys.lane, keys.in, keys.seq];
      const reply = await connection.run(`settle effect ${effectId}`, (redis) =>
        scripts.run(redis, 'settle', on, [effectId, token, result.outcome, encodeInput(result)]),
      );
      return reply === 1;
    },

    async release(partition, effectId, token, delayMs, unknownOutcome) {
      const keys = keysOf(partition);
      const reply = await connection.run(`release effect ${effectId}`, (redis) =>
        scripts.run(
          redis,
          'release',
          [keys.effst, keys.due, keys.lane],
          [effectId, token, Math.ceil(delayMs), unknownOutcome ? 1 : 0],
        ),
      );
      return reply === 1;
    },
  };
}
