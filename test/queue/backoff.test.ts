import { describe, expect, it } from '@jest/globals';
import { backoffDelay } from '../../src/queue/backoff.js';

const RETRY = { firstMs: 1_000, maxMs: 300_000 };

describe('backoffDelay', () => {
  it.each([
    [1, undefined, 0.5, 500],
    [1, undefined, 0, 0],
    [2, undefined, 0.5, 1_000],
    [5, undefined, 0.5, 8_000],
    [9, undefined, 0.5, 128_000],
    [10, undefined, 0.5, 150_000],
    [5_000, undefined, 0.5, 150_000],
    [1, 30_000, 0, 30_000],
    [1, 30_000, 0.5, 30_500],
    [9, 30_000, 0.5, 31_000],
    [1, 0, 0.5, 500],
    [1, 9_999_999_999, 0, 3_600_000],
  ])('after attempt %d, asked for %s ms, with chance %d: %d ms', (attempt, retryAfterMs, chance, expected) => {
    expect(backoffDelay(attempt, RETRY, retryAfterMs, () => chance)).toBe(expected);
  });
});
