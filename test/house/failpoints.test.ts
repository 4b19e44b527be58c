/** The list of failpoints and the source name the same points, so that the proof covers every one of them. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { FAILPOINTS } from '../../src/failpoints.js';

function sources(): { file: string; text: string }[] {
  return readdirSync('src', { recursive: true })
    .map((name) => path.join('src', String(name)))
    .filter((file) => file.endsWith('.ts') && file !== path.join('src', 'failpoints.ts'))
    .map((file) => ({ file, text: readFileSync(file, 'utf8') }));
}

describe('failpoints', () => {
  it('are named by a literal wherever an effect runs between two of them', () => {
    const unnamed = sources().flatMap(({ file, text }) =>
      [...text.matchAll(/\beffectful\s*(?:<[^(]*>)?\(\s*(?!'[a-z.-]+')/g)].map((match) => `${file}: ${match[0]}`),
    );
    expect(unnamed).toEqual([]);
  });

  it('are listed exactly as they are used', () => {
    const used = new Set<string>();
    for (const { text } of sources()) {
      for (const match of text.matchAll(/\beffectful\s*(?:<[^(]*>)?\(\s*'([a-z.-]+)'/g)) used.add(match[1] ?? '');
    }
    expect([...used].sort()).toEqual([...FAILPOINTS].sort());
  });
});
