/** The vocabulary: durations, ids, labels, severities, the encoding of entries. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/domain/duration.js';
import { episodeId, hashId, incidentNumber, utcDay } from '../../src/domain/ids.js';
import { decodeInput, encodeInput, streamTime, UndecodableInput } from '../../src/domain/input.js';
import { canonicalLabels, formatLabels, pickLabels } from '../../src/domain/labels.js';
import { compareSeverity, isAtLeast, isSeverity, SEVERITIES, worstSeverity } from '../../src/domain/severity.js';

describe('durations', () => {
  it.each([
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['2w', 1_209_600_000],
    ['1d12h', 129_600_000],
    ['90s', 90_000],
    ['500ms', 500],
    ['1m500ms', 60_500],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', '5 m', 'm', '-5m', '5m1h', '1m1m', '1.5h', '5min', ' 5m', '99999999999999w'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('are read as they are written', () => {
    fc.assert(
      fc.property(fc.nat(), (ms) => expect(parseDuration(formatDuration(ms))).toBe(ms)),
      { seed: 1 },
    );
    expect(formatDuration(-90_000)).toBe('-1m30s');
  });
});

describe('ids', () => {
  it('are hashes that no separator can imitate', () => {
    expect(hashId('a', 'b')).toMatch(/^[0-9a-f]{16}$/);
    expect(hashId('a', 'b')).toBe(hashId('a', 'b'));
    expect(new Set([hashId('a', 'b'), hashId('ab'), hashId('a,b'), hashId('a","b'), hashId('a', 'b', '')]).size).toBe(
      5,
    );
    expect(hashId(1)).not.toBe(hashId('1'));
  });

  it('of people and of episodes', () => {
    expect(incidentNumber('20260110', 7)).toBe('INC-20260110-007');
    expect(incidentNumber('20260110', 1234)).toBe('INC-20260110-1234');
    expect(utcDay(Date.UTC(2026, 0, 10, 23, 59, 59, 999))).toBe('20260110');
    expect(episodeId('am:1', 5)).toBe('am:1@5');
  });
});

describe('labels', () => {
  it('have one text whatever the order of the keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (labels) => {
        const turned = Object.fromEntries(Object.entries(labels).reverse());
        expect(canonicalLabels(turned)).toBe(canonicalLabels(labels));
      }),
      { seed: 1 },
    );
    expect(canonicalLabels({ a: '1","b' })).not.toBe(canonicalLabels({ a: '1', b: '' }));
  });

  it('are picked when they are there', () => {
    expect(pickLabels({ a: '1', b: '', c: '3' }, ['c', 'b', 'x', 'a'])).toEqual({ c: '3', a: '1' });
    expect(formatLabels({ a: '1', b: '2' })).toBe('a=1, b=2');
    expect(formatLabels({})).toBe('(none)');
  });
});

describe('severities', () => {
  it('are ordered from P0, the worst, to P4', () => {
    expect([...SEVERITIES].sort(compareSeverity)).toEqual(['P0', 'P1', 'P2', 'P3', 'P4']);
    expect(worstSeverity('P3', undefined, 'P1', 'P2')).toBe('P1');
    expect(worstSeverity(undefined)).toBeUndefined();
    expect(isAtLeast('P1', 'P2')).toBe(true);
    expect(isAtLeast('P3', 'P2')).toBe(false);
    expect(['P0', 'P5', 0, null].map(isSeverity)).toEqual([true, false, false, false]);
  });
});

describe('entries', () => {
  it('are read as they are written', () => {
    const input = { kind: 'poison', entry: '1-0', error: 'x' } as const;
    expect(decodeInput(encodeInput(input))).toMatchObject(input);
    expect(streamTime('1700000000000-12')).toBe(1_700_000_000_000);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"v":1}',
    '{"v":"1","kind":"tick"}',
    '{"v":2,"kind":"tick"}',
    '{"v":1,"kind":"x"}',
  ])('%j is refused', (text) => {
    expect(() => decodeInput(text)).toThrow(UndecodableInput);
  });
});
