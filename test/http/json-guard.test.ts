import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { isDeeperThan, parseBody } from '../../src/http/json-guard.js';

const parse = (text: string, deepest = 32) => parseBody(Buffer.from(text), deepest);

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('isDeeperThan', () => {
  it.each([
    ['[[1]]', 2, false],
    ['[[1]]', 1, true],
    ['{"a":{"b":[]}}', 2, true],
    ['["[[[["]', 1, false],
    ['["\\"[[[["]', 1, false],
    ['["\\\\",[[1]]]', 2, true],
    ['["\\\\\\"",[1]]', 2, false],
    ['["unterminated [[[[', 1, false],
    ['[],[],[]', 1, false],
  ])('%s within %d: %s', (text, deepest, deeper) => {
    expect(isDeeperThan(text, deepest)).toBe(deeper);
  });

  it('agrees with the parsed value, whatever its strings hold', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }),
        fc.integer({ min: 0, max: 8 }),
        (value, deepest) => {
          const latin1 = Buffer.from(JSON.stringify(value)).toString('latin1');
          expect(isDeeperThan(latin1, deepest)).toBe(depthOf(value) > deepest);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('parseBody', () => {
  it('gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' }), (value) => {
        const text = JSON.stringify(value);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"__proto__":1}', '__proto__'],
    ['{"\\u005f_proto__":1}', '__proto__'],
    ['{"__pr\\u006fto__":1}', '__proto__'],
    ['[{"a":{"__proto__":1}}]', '[0].a.__proto__'],
    ['{"a":[{"constructor":{"prototype":1}}]}', 'a[0].constructor.prototype'],
    ['{"\\u0063onstructor":{"protot\\u0079pe":1}}', 'constructor.prototype'],
  ])('refuses the forbidden key of %s', (text, path) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'TOCSIN_BODY_FORBIDDEN_KEY', path }));
  });

  it.each(['{"a":"__proto__"}', '{"prototype":1}', '{"constructor":"prototype"}', '{"a":"\\u0026\\u005f"}'])(
    'allows %s',
    (text) => {
      expect(parse(text)).toEqual(JSON.parse(text));
    },
  );
});
