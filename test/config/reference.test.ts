/** docs/configuration.md and docs/errors.md say what the code says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

import { renderReference } from '../../src/config/reference.js';
import { ERRORS } from '../../src/errors.js';

const DOCS = resolve(import.meta.dirname, '../../docs');

describe('docs/configuration.md', () => {
  it('is what the schema says (UPDATE_DOCS=1 writes it)', () => {
    const path = resolve(DOCS, 'configuration.md');
    const expected = renderReference();
    if (process.env.UPDATE_DOCS === '1') writeFileSync(path, expected);
    expect(readFileSync(path, 'utf8')).toBe(expected);
  });

  it('describes every key', () => {
    const rows = renderReference()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows.length).toBeGreaterThan(60);
    for (const row of rows) expect(row).toMatch(/\| [^|]{10,} \|$/);
  });
});

describe('docs/errors.md', () => {
  it('lists every code with its status and title, and no other', () => {
    const page = readFileSync(resolve(DOCS, 'errors.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `(TOCSIN_\w+)` \| (\d+|–) \| ([^|]+) \|/gm)].map(
      ([, code, status, title]) => [code, status, title?.trim()],
    );
    const startUp = [
      'TOCSIN_CONFIG_INVALID',
      'TOCSIN_RULES_INVALID',
      'TOCSIN_REDIS_UNSAFE',
      'TOCSIN_REDIS_MISSING',
      'TOCSIN_STORE_NEWER',
    ];
    const expected = Object.entries(ERRORS).map(([code, { status, title }]) => [
      code,
      startUp.includes(code) ? '–' : String(status),
      title,
    ]);
    expect(listed).toEqual(expected);
  });
});
