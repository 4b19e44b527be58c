import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { formatDuration } from '../../src/domain/duration.js';
import { SEVERITY_NAMES } from '../../src/domain/severity.js';
import { DEFAULT_MATRIX } from '../../src/notify/plan.js';

const page = readFileSync(new URL('../../docs/notifications.md', import.meta.url), 'utf8');

function rowsAfter(mark: string): string[][] {
  const [, rest = ''] = page.split(mark);
  const table = rest.slice(rest.indexOf('|---')).split('\n').slice(1);
  const end = table.findIndex((line) => !line.startsWith('|'));
  return table.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

it('docs/notifications.md shows the matrix that is shipped', () => {
  const shipped = Object.entries(DEFAULT_MATRIX).flatMap(([severity, row]) =>
    Object.entries(row).map(([role, { channels, delayMs }]) => [
      severity,
      role,
      channels.join(', '),
      formatDuration(delayMs),
    ]),
  );
  expect(rowsAfter('<!-- matrix')).toEqual(shipped);
});

it('docs/notifications.md names the severities', () => {
  const names = rowsAfter('## Severities').map(([severity, name]) => [severity, name]);
  expect(names).toEqual(Object.entries(SEVERITY_NAMES));
});
