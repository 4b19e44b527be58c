import { describe, expect, it } from '@jest/globals';
import { formatAge, formatTable, formatTime, printable } from '../../src/cli/table.js';

describe('formatTable', () => {
  it('aligns columns by their widest cell and leaves no trailing blanks', () => {
    expect(
      formatTable(
        ['A', 'LONG'],
        [
          ['wide cell', 'x'],
          ['', 'yy'],
        ],
      ),
    ).toBe(['A          LONG', 'wide cell  x', '           yy'].join('\n'));
  });

  it('shows control characters of hostile text instead of sending them to the terminal', () => {
    expect(formatTable(['A'], [['\u001b[2Jgone\u202e']])).toBe('A\n\\u001b[2Jgone\\u202e');
    expect(printable('plain ünïcode ✓')).toBe('plain ünïcode ✓');
  });
});

describe('formatAge', () => {
  it.each([
    [0, '0s'],
    [999, '0s'],
    [12_000, '12s'],
    [192_000, '3m12s'],
    [180_000, '3m'],
    [7_500_000, '2h5m'],
    [350_000_000, '4d1h'],
  ])('%d ms is %s', (ms, text) => expect(formatAge(ms)).toBe(text));
});

describe('formatTime', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  it('leaves the date out on the same day', () => {
    expect(formatTime(now - 60_000, now)).toBe('09:59:00Z');
    expect(formatTime(now - 86_400_000, now)).toBe('2026-11-21 10:00:00Z');
  });
});
