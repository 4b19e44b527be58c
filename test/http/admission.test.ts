import { describe, expect, it } from '@jest/globals';

import { admission, admits, type Load, urgencyOf } from '../../src/http/admission.js';

const LIMITS = { inFlight: 100, bytesInFlight: 1_000, lag: 20_000 };
const IDLE: Load = { inFlight: 0, bytesInFlight: 0, lag: 0, eventLoopDelayMs: 0, usedMemory: 0, maxMemory: 0 };

describe('admission', () => {
  it.each<[string, Partial<Load>, string, string | undefined]>([
    ['idle', {}, 'info', undefined],
    ['70 slots of 100', { inFlight: 70 }, 'info', undefined],
    ['71 slots', { inFlight: 71 }, 'warning', 'in-flight'],
    ['81 slots: the last fifth is for critical', { inFlight: 81 }, 'critical', 'in-flight'],
    ['all slots taken', { inFlight: 101 }, 'nothing', 'in-flight'],
    ['bytes', { bytesInFlight: 1_001 }, 'nothing', 'bytes-in-flight'],
    ['at the lag', { lag: 18_000 }, 'info', undefined],
    ['beyond the lag', { lag: 20_001 }, 'critical', 'lag'],
    ['far beyond the lag', { lag: 25_001 }, 'nothing', 'lag'],
    ['a slow loop', { eventLoopDelayMs: 251 }, 'warning', 'event-loop'],
    ['a very slow loop', { eventLoopDelayMs: 501 }, 'critical', 'event-loop'],
    ['no memory limit', { usedMemory: 1e12 }, 'info', undefined],
    ['80 % of the memory', { usedMemory: 801, maxMemory: 1_000 }, 'warning', 'store-memory'],
    ['90 % of the memory', { usedMemory: 900, maxMemory: 1_000 }, 'critical', 'store-memory'],
    ['nearly all memory', { usedMemory: 980, maxMemory: 1_000 }, 'nothing', 'store-memory'],
    ['the strictest wins', { inFlight: 75, lag: 30_000 }, 'nothing', 'lag'],
  ])('%s', (_name, load, least, reason) => {
    expect(admission({ ...IDLE, ...load }, LIMITS)).toEqual(reason === undefined ? { least } : { least, reason });
  });

  it('never gets laxer as the load grows', () => {
    const order = ['info', 'warning', 'critical', 'nothing'];
    let before = 0;
    for (let inFlight = 0; inFlight <= 120; inFlight += 1) {
      const rank = order.indexOf(admission({ ...IDLE, inFlight }, LIMITS).least);
      expect(rank).toBeGreaterThanOrEqual(before);
      before = rank;
    }
    expect(before).toBe(3);
  });

  it('takes what is at least as urgent', () => {
    expect(admits({ least: 'warning' }, 'info')).toBe(false);
    expect(admits({ least: 'warning' }, 'warning')).toBe(true);
    expect(admits({ least: 'critical' }, 'critical')).toBe(true);
    expect(admits({ least: 'nothing' }, 'critical')).toBe(false);
  });
});

describe('urgencyOf', () => {
  const map = { critical: 'P1', warning: 'P3', info: 'P4' };
  it.each([
    ['{"severity":"critical"}', 'critical'],
    ['{"severity" : "CRITICAL"}', 'critical'],
    ['{"severity":"info"},{"severity":"critical"}', 'critical'],
    ['{"severity":"info"},{"severity":"warning"}', 'warning'],
    ['{"severity":"info"}', 'info'],
    ['{"severity":"sev-unknown"}', 'warning'],
    ['{"severity":"constructor"}', 'warning'],
    ['{}', 'warning'],
  ])('%s -> %s', (text, urgency) => {
    expect(urgencyOf(text, map)).toBe(urgency);
  });
});
