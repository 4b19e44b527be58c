/** Every folder of a source is in the registry, under the name of its folder, and in the schema and the pages. */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

import { readConfig } from '../../src/config/load.js';
import { SOURCES } from '../../src/integrations/sources.js';

const ROOT = resolve(import.meta.dirname, '../..');
const INTEGRATIONS = resolve(ROOT, 'src/integrations');

describe('the registry of sources', () => {
  it('has every folder that exports a source, by its type', async () => {
    const folders = readdirSync(INTEGRATIONS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const sources: string[] = [];
    for (const { name } of folders) {
      const exported = Object.values(
        (await import(resolve(INTEGRATIONS, name, 'index.ts'))) as Record<string, unknown>,
      );
      const isSource = exported.some((value) => typeof value === 'object' && value !== null && 'read' in value);
      if (isSource) sources.push(name);
    }
    expect(Object.keys(SOURCES).sort()).toEqual(sources.sort());
    for (const [type, source] of Object.entries(SOURCES)) expect(source.type).toBe(type);
  });

  it.each(Object.keys(SOURCES))('%s can be configured and has a page', (type) => {
    const loaded = readConfig(`sources: {mine: {type: ${type}}}`, 'tocsin.yaml', { env: {}, base: '/' });
    expect(loaded.ok).toBe(true);
    expect(existsSync(resolve(ROOT, `docs/sources/${type}.md`))).toBe(true);
  });
});
