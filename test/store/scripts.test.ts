import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadScripts } from '../../src/store/scripts.js';

const FOLDER = new URL('../../src/store/lua/', import.meta.url);
/** Put before other scripts; not transitions themselves. */
const PARTS = ['prelude.lua', 'outbox.lua'];
const files = readdirSync(FOLDER).filter((name) => !PARTS.includes(name));
const text = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');

describe.each(files)('%s', (name) => {
  const lines = text(name).split('\n');
  const header = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('--')),
  );

  it('says what it is for, and its KEYS, ARGV and result', () => {
    expect(header[0]).toMatch(/^-- [A-Z].*[.,a-z]$/);
    for (const word of ['KEYS:', 'ARGV:', 'Returns:']) expect(header.join('\n')).toContain(word);
  });

  it('uses every key and argument that its header counts, and no other', () => {
    const body = lines.slice(header.length).join('\n');
    const used = (list: string) =>
      Math.max(0, ...[...body.matchAll(new RegExp(`${list}\\[(\\d+)\\]`, 'g'))].map((m) => Number(m[1])));
    const described = (list: string) => {
      const from =
        header
          .join(' ')
          .split(`${list}:`)[1]
          ?.split(/Returns:|ARGV:|KEYS:/)[0] ?? '';
      return Math.max(0, ...[...from.matchAll(/(?:^|[\s,])(\d+) [a-z`]/g)].map((m) => Number(m[1])));
    };
    expect(used('KEYS')).toBeLessThanOrEqual(described('KEYS'));
    if (name !== 'commit.lua' && name !== 'append.lua') expect(used('ARGV')).toBe(described('ARGV'));
  });

  it('never parses or writes JSON: what it carries is opaque', () => {
    expect(text(name)).not.toMatch(/cjson|cmsgpack/);
  });
});

it('every file is loaded, and no other', () => {
  const source = readFileSync(new URL('../../src/store/scripts.ts', import.meta.url), 'utf8');
  const named = [...source.matchAll(/^ {2}'?([a-z-]+)'?: \[/gm)].map((match) => `${match[1]}.lua`);
  expect(named.sort()).toEqual([...files].sort());
  expect(() => loadScripts()).not.toThrow();
});
