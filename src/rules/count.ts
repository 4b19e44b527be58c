/** The `count` of a step: how many onsets are enough. Only what can be decided without waiting for the window's end. */
import { isScalar } from 'yaml';
import type { FileReport } from './document.js';
import type { Fields } from './fields.js';

const FORM = /^(>=|>)\s*(\d{1,6})$/;

/** The least number of onsets, or undefined (reported) when the field is wrong. Call only when `count` is present. */
export function readCount(fields: Fields, report: FileReport): number | undefined {
  const field = fields.get('count');
  const node = field?.value ?? field?.key ?? 0;
  const scalar = isScalar(field?.value) ? field.value : undefined;
  const value = scalar?.value;
  if (scalar?.type === 'BLOCK_FOLDED' || scalar?.type === 'BLOCK_LITERAL') {
    report.error(
      node,
      'E-COUNT-EMPTY',
      'an unquoted > begins a folded text in YAML, so this count is empty; quote it: count: ">5"',
    );
    return undefined;
  }
  if (value === null || value === undefined || value === '') {
    report.error(node, 'E-COUNT-EMPTY', 'the count is empty; write count: ">5", count: ">=5" or count: 5 (at least 5)');
    return undefined;
  }
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 1 && value <= 1_000_000) return value;
    report.error(node, 'E-COUNT-OP', `count: ${value} is not a whole number from 1; count: 5 means at least 5`);
    return undefined;
  }
  const parts = typeof value === 'string' ? FORM.exec(value.trim()) : null;
  if (parts !== null) return Number(parts[2]) + (parts[1] === '>' ? 1 : 0) || 1;
  report.error(
    node,
    'E-COUNT-OP',
    `count: ${JSON.stringify(value)} cannot be decided before the window closes or is no count; write ">5", ">=5" or 5` +
      ' (for "fewer than" or "none", the language has `not:`)',
  );
  return undefined;
}
