/** Compares with a golden file of test/golden/notifications; UPDATE_GOLDEN=1 writes it instead, to be read in the diff. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from '@jest/globals';

export function expectGolden(name: string, value: unknown): void {
  const path = new URL(`../golden/notifications/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}
