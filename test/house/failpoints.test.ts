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
  it('are listed exactly as they are used: each has a call that names it', () => {
    // An unknown name does not compile; a listed one that nothing uses would be a point that the proof never reaches.
    const text = sources()
      .map((source) => source.text)
      .join('\n');
    const unused = FAILPOINTS.filter((name) => !text.includes(`('${name}',`));
    expect(unused).toEqual([]);
  });

  it('of `effectful` are literals, or the parameter of a function that is called with one', () => {
    const other = sources().flatMap(({ file, text }) =>
      [...text.matchAll(/\beffectful(?:<[^(]*>)?\(\s*([^'\s,][^,]*),/g)]
        .filter(([, argument = '']) => !new RegExp(`\\b${argument.trim()}: FailpointName\\b`).test(text))
        .map(([call]) => `${file}: ${call}`),
    );
    expect(other).toEqual([]);
  });
});
