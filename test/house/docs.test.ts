/** What the pages say exists: links lead somewhere, commands and files that they name are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { SOURCES } from '../../src/integrations/sources.js';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true })
    .map((name) => path.join('docs', String(name)))
    .filter((name) => name.endsWith('.md')),
];

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** The text without code blocks, where brackets are not links. */
function prose(page: string): string {
  return readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
}

describe.each(PAGES)('%s', (page) => {
  it('links to files that exist', () => {
    const targets = [...prose(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)]
      .map((match) => (match[1] ?? match[2] ?? '').replace(/#.*$/, ''))
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
    const broken = targets.filter((target) => !existsSync(path.join(path.dirname(page), target)));
    expect(broken).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const named = [...readFileSync(page, 'utf8').matchAll(/npm run (?:--silent )?([a-z][a-z:0-9-]*)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.filter((name) => manifest.scripts[name] === undefined)).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('names files and folders that exist', () => {
    const named = [
      ...prose('CONTRIBUTING.md').matchAll(
        /`((?:src|test|docs|config|scripts|docker|correlation-rules|\.ci)\/[^`\s]*)`/g,
      ),
    ]
      .map((match) => match[1] ?? '')
      .filter((name) => !/[<>*{]/.test(name));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !existsSync(name))).toEqual([]);
  });
});

describe('README.md', () => {
  it('begins with two commands, and both exist', () => {
    const [block = ''] = /```(?:sh|bash)\n[\s\S]*?```/.exec(readFileSync('README.md', 'utf8')) ?? [];
    const commands = block.split('\n').filter((line) => line.startsWith('npm '));
    expect(commands.map((line) => line.replace(/\s+#.*$/, '').trim())).toEqual(['npm run demo', 'npm test']);
    expect(manifest.scripts).toMatchObject({
      demo: expect.stringContaining('setup.mjs'),
      test: expect.stringContaining('setup.mjs'),
    });
  });

  it('shows an event that is accepted', () => {
    const [, body = ''] =
      /\/events [^']*'content-type: application\/json' -d '(\{[\s\S]*?\})'\n```/.exec(
        readFileSync('README.md', 'utf8'),
      ) ?? [];
    const event = JSON.parse(body.replace(/'"\$\(date[^)]*\)"'/, '2026-11-22T01:02:03Z')) as unknown;
    const loaded = loadConfig(undefined);
    if (!loaded.ok) throw new Error('the defaults are refused');
    const { normalise } = loaded.config;
    const settings = {
      names: normalise.names,
      identityDrop: normalise.identity_drop,
      exporterJobs: normalise.exporter_jobs,
      serviceLabels: normalise.service_labels,
    };
    const reading = SOURCES['events']?.read({
      source: 'events',
      body: event,
      receivedAt: Date.UTC(2026, 10, 22, 2),
      settings,
    });
    expect(reading).toMatchObject({
      ok: true,
      inputs: [{ event: { id: 'events:checkout-1042', type: 'deployment_completed' } }],
    });
  });

  it('shows a receiver of Alertmanager at an address that exists by default', () => {
    const [, yaml = ''] = /```yaml\n(route:[\s\S]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
    const { route, receivers } = parse(yaml) as {
      route: { receiver: string };
      receivers: { name: string; webhook_configs: { url: string }[] }[];
    };
    expect(receivers.map((receiver) => receiver.name)).toContain(route.receiver);
    const loaded = loadConfig(undefined);
    const url = new URL(receivers[0]?.webhook_configs[0]?.url ?? '');
    const [, , source = ''] = url.pathname.split('/');
    expect(loaded).toMatchObject({ ok: true, config: { sources: { [source]: { type: 'alertmanager' } } } });
    expect(loaded).toMatchObject({ ok: true, config: { http: { external_url: url.origin } } });
  });
});
