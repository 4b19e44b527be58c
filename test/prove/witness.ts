/** Looks at the whole system from outside (API, Redis, journals of the receivers) and waits until it has settled. */
import { setTimeout as pause } from 'node:timers/promises';

import { listIncidents, readIncidents } from './oracle/api-reader.js';
import { judge, type Testimony } from './oracle/judge.js';
import type { Observation } from './oracle/observation.js';
import type { Violation } from './oracle/violation.js';
import { PARTITIONS, PREFIX } from './processes/settings.js';
import { PartitionReader } from './storage/partition-reader.js';
import type { System } from './system.js';

const LOOK_EVERY_MS = 1_000;
/** Having looked settled once, it must look the same again: what comes late would be a double. */
const STILL_AFTER_MS = 3_000;

export interface Verdict {
  readonly observation: Observation;
  readonly violations: readonly Violation[];
  /** How long it took from the last kill, ms. */
  readonly settledAfterMs: number;
}

export async function observe(system: System): Promise<Observation> {
  const redis = await system.redis.connect();
  try {
    const readers = Array.from({ length: PARTITIONS }, (_, index) => new PartitionReader(PREFIX, index));
    const partitions = await Promise.all(readers.map((reader) => reader.read(redis)));
    const ids = new Set<string>();
    for (let index = 0; index < PARTITIONS; index += 1) {
      for (const id of await redis.zrange(`${PREFIX}:{p${index}}:incs`, '0', '-1')) ids.add(id);
    }
    const [door = ''] = system.intakes;
    for (const id of await listIncidents(door)) ids.add(id);
    const incidents = await readIncidents(door, [...ids]);
    return { incidents, partitions, received: system.receivers.received() };
  } finally {
    redis.disconnect();
  }
}

/** Looks until nothing is wrong and stays so, or until the limit; what is wrong then is the verdict. */
export async function awaitVerdict(system: System, testimony: Testimony, limitMs: number): Promise<Verdict> {
  const from = performance.now();
  let problem: unknown;
  let last: Verdict | undefined;
  while (performance.now() - from < limitMs) {
    try {
      const settledAfterMs = performance.now() - from;
      const observation = await observe(system);
      last = { observation, violations: judge(testimony, observation), settledAfterMs };
      if (last.violations.length === 0) {
        await pause(STILL_AFTER_MS);
        const again = await observe(system);
        const late = judge(testimony, again);
        if (late.length === 0) return { ...last, observation: again };
      }
    } catch (error) {
      problem = error;
    }
    await pause(LOOK_EVERY_MS);
  }
  if (last === undefined) throw new Error('the system could not be looked at after the kills', { cause: problem });
  return last;
}
