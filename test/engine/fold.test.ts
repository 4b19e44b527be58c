/** Facts -> episodes, in minutes. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldFacts, MAX_FACTS, noteEnd, noteStart } from '../../src/engine/fold.js';
import type { Facts } from '../../src/engine/model.js';
import { MINUTE, TEST_CONFIG } from '../kit/engine.js';

/** `[start, received]` or `[start, end, received]`, in minutes. */
type Word = readonly [number, number] | readonly [number, number, number];

function factsOf(words: readonly Word[]): Facts {
  const facts: Facts = { starts: [], ends: [] };
  for (const word of words) {
    const [start, second, third] = word.map((minutes) => minutes * MINUTE) as [number, number, number | undefined];
    if (third === undefined) noteStart(facts, start, second, TEST_CONFIG.skewMs);
    else noteEnd(facts, start, second, third, false);
  }
  return facts;
}

function episodes(words: readonly Word[]): (number | null)[][] {
  return foldFacts(factsOf(words), TEST_CONFIG).map(({ at, end, flaps }) => [
    at / MINUTE,
    end === Infinity ? null : end / MINUTE,
    flaps,
  ]);
}

describe('episodes', () => {
  const cases: [string, Word[], (number | null)[][]][] = [
    ['a start is open', [[0, 0]], [[0, null, 0]]],
    [
      'an end closes',
      [
        [0, 0],
        [0, 3, 3],
      ],
      [[0, 3, 0]],
    ],
    [
      'the end first, the start within a minute',
      [
        [0, 3, 3],
        [0, 3.5],
      ],
      [[0, 3, 0]],
    ],
    [
      'the start long after the end withdraws it',
      [
        [0, 0],
        [0, 3, 3],
        [0, 4.5],
      ],
      [[0, null, 0]],
    ],
    [
      'also when its start differs by the skew',
      [
        [0, 0],
        [0, 3, 3],
        [0.5, 4.5],
      ],
      [[0, null, 1]],
    ],
    [
      'a later end stands again',
      [
        [0, 0],
        [0, 3, 3],
        [0, 5],
        [0, 6, 6],
      ],
      [[0, 6, 0]],
    ],
    [
      'a start while open is a hidden flap',
      [
        [0, 0],
        [5, 5],
      ],
      [[0, null, 1]],
    ],
    [
      'a start two minutes after the end continues',
      [
        [0, 0],
        [0, 3, 3],
        [5, 5],
      ],
      [[0, null, 1]],
    ],
    [
      'a start later begins another episode',
      [
        [0, 0],
        [0, 3, 3],
        [5.1, 5.1],
      ],
      [
        [0, 3, 0],
        [5.1, null, 0],
      ],
    ],
    [
      'a start in the instant of the end continues',
      [
        [0, 0],
        [0, 3, 3],
        [3, 3],
      ],
      [[0, null, 1]],
    ],
    [
      'the later of two ends of one start',
      [
        [0, 0],
        [0, 3, 3],
        [0, 4, 4],
      ],
      [[0, 4, 0]],
    ],
    ['an end without a start', [[2, 4, 4]], [[2, 4, 0]]],
    ['an empty episode', [[2, 2, 4]], [[2, 2, 0]]],
    [
      'an earlier start found later',
      [
        [5, 5],
        [0, 6],
      ],
      [[0, null, 1]],
    ],
  ];

  it.each(cases)('%s', (_title, words, expected) => {
    expect(episodes(words)).toEqual(expected);
  });

  it('do not depend on the order of the facts, nor on their being told twice', () => {
    const minutes = fc.integer({ min: 0, max: 40 });
    const start = fc.tuple(minutes, minutes);
    const end = fc.tuple(minutes, minutes, minutes).map(([at, length, received]): Word => [at, at + length, received]);
    const words = fc.uniqueArray(fc.oneof(start, end), { maxLength: 12, selector: (word) => JSON.stringify(word) });
    const both = words.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 })),
    );
    const exact = (list: readonly Word[]): Facts => {
      // every statement counts with its latest receipt, as a set
      const facts: Facts = { starts: [], ends: [] };
      for (const [from, second, third] of list) {
        if (third !== undefined) noteEnd(facts, from, second, third, false);
      }
      for (const [from, second, third] of list) if (third === undefined) noteStart(facts, from, second, 1e9);
      return facts;
    };
    fc.assert(
      fc.property(both, ([list, shuffled]) => {
        const settings = { flapWindowMs: 2, reorderWindowMs: 1, skewMs: 1 };
        expect(foldFacts(exact(shuffled), settings)).toEqual(foldFacts(exact(list), settings));
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('are apart, in order, and end after they begin', () => {
    const minutes = fc.integer({ min: 0, max: 60 });
    const word: fc.Arbitrary<Word> = fc.oneof(
      fc.tuple(minutes, minutes),
      fc.tuple(minutes, minutes, minutes).map(([at, length, received]): Word => [at, at + length, received]),
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        const spans = foldFacts(factsOf(words), TEST_CONFIG);
        expect(spans.length).toBeGreaterThan(0);
        spans.forEach((span, index) => {
          expect(span.end).toBeGreaterThanOrEqual(span.at);
          const before = spans[index - 1];
          if (before !== undefined) expect(span.at - before.end).toBeGreaterThan(TEST_CONFIG.flapWindowMs);
        });
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('keeps a bounded number of facts and the onset', () => {
    const facts = factsOf(Array.from({ length: 500 }, (_unused, index): Word => [index, index]));
    expect(facts.starts.length).toBeLessThanOrEqual(2 * MAX_FACTS);
    expect(foldFacts(facts, TEST_CONFIG)[0]?.at).toBe(0);
  });
});
