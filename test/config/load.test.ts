import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { formatConfigProblem, loadConfig, readConfig } from '../../src/config/load.js';
import { isLoopback, unauthenticatedSources } from '../../src/config/checks.js';
import { DEFAULT_MATRIX } from '../../src/notify/matrix.js';

const ROOT = resolve(import.meta.dirname, '../..');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tocsin-config-'));
  writeFileSync(join(folder, 'token'), 'from-a-file-0123456789\n');
  writeFileSync(join(folder, 'empty'), '\n');
  writeFileSync(join(folder, 'lines'), 'one\ntwo\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(yaml: string, env: Record<string, string> = {}) {
  return readConfig(yaml, 'tocsin.yaml', { env, base: folder });
}

function problems(yaml: string, env: Record<string, string> = {}): string[] {
  const loaded = read(yaml, env);
  if (loaded.ok) throw new Error('this should have been refused');
  return loaded.problems.map(formatConfigProblem);
}

function good(yaml: string, env: Record<string, string> = {}) {
  const loaded = read(yaml, env);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatConfigProblem).join('\n'));
  return loaded;
}

describe('the defaults', () => {
  it('run without a file, on loopback, and say what is open', () => {
    const loaded = loadConfig(undefined, { env: {}, cwd: folder });
    if (!loaded.ok) throw new Error('refused');
    const { config } = loaded;
    expect(config.http.listen).toEqual({ host: '127.0.0.1', port: 9911 });
    expect(config.http.external_url).toBe('http://127.0.0.1:9911');
    expect(config.rules.files).toEqual([join(folder, 'correlation-rules/*.yaml')]);
    expect(config.redis.embedded.dir).toBe(join(folder, '.tocsin/redis'));
    expect(config.engine.stale_after).toBe((8 * 60 + 5) * 60_000);
    expect(config.notify.matrix).toEqual(DEFAULT_MATRIX);
    expect(config.severity_map.critical).toBe('P1');
    expect(unauthenticatedSources(config)).toEqual(['alertmanager', 'events']);
    expect(loaded.warnings).toHaveLength(2);
  });

  it('are what the shipped example says, key by key', () => {
    const shipped = loadConfig(join(ROOT, 'config/tocsin.yaml'), { env: {}, cwd: ROOT });
    const built = loadConfig(undefined, { env: {}, cwd: ROOT });
    if (!shipped.ok || !built.ok) throw new Error('refused');
    expect(shipped.config).toEqual(built.config);
  });

  it('are also those of an empty file and of one with only comments', () => {
    expect(good('').config).toEqual(good('# nothing\n').config);
  });
});

describe('problems', () => {
  it.each<[string, string, string]>([
    ['an unknown key', 'htp: {}', 'tocsin.yaml:1:1: htp is not a known key; did you mean http?'],
    [
      'an unknown key deep inside',
      'http:\n  limits:\n    bdy: 1MiB',
      'tocsin.yaml:3:5: http.limits.bdy is not a known key; did you mean body?',
    ],
    [
      'an unknown key of a source',
      'sources:\n  am: {type: alertmanager, aut: none}',
      'tocsin.yaml:2:28: sources.am.aut is not a known key; did you mean auth?',
    ],
    [
      'a severity that does not exist',
      'notify:\n  matrix:\n    P9: {}',
      'tocsin.yaml:3:5: notify.matrix.P9 is not a known key; did you mean P0?',
    ],
    [
      'a value that is not one of the list',
      'log:\n  level: inof',
      'tocsin.yaml:2:10: log.level must be one of debug, info, warn, error, got "inof"; did you mean info?',
    ],
    [
      'a duration without unit',
      'engine:\n  batch: 5\n  skew: 30',
      'tocsin.yaml:3:9: engine.skew must be a duration with units, such as 30s, 5m or 1h30m, got 30',
    ],
    [
      'a duration beyond its bounds',
      'http: {limits: {request_timeout: 1h}}',
      'tocsin.yaml:1:34: http.limits.request_timeout must be a duration with units, such as 30s, 5m or 1h30m, at least 1 s, at most 300 s, got "1h"',
    ],
    [
      'a size in other units',
      'http: {limits: {body: 1MB}}',
      'tocsin.yaml:1:23: http.limits.body must be a size such as 64KiB or 16MiB, at least 1024B, got "1MB"',
    ],
    ['a number as text', 'partitions: {count: "4"}', 'tocsin.yaml:1:21: partitions.count must be a number, got "4"'],
    ['too many partitions', 'partitions: {count: 17}', 'tocsin.yaml:1:21: partitions.count must be at most 16'],
    ['no partition', 'partitions: {count: 0}', 'tocsin.yaml:1:21: partitions.count must be at least 1'],
    [
      'an empty group',
      'http:\nlog: {level: info}',
      'tocsin.yaml:1:1: http has no value: YAML reads an empty value as nothing',
    ],
    ['a list where keys belong', 'redis: [a]', 'tocsin.yaml:1:8: redis must be a group of keys, got ["a"]'],
    ['a missing key', 'sinks: {slack: {channels: {default: "#a"}}}', 'tocsin.yaml:1:16: sinks.slack.token is missing'],
    [
      'a source name with a slash',
      'sources: {"a/b": {type: events}}',
      'tocsin.yaml:1:11: sources."a/b" must be a name of lower-case letters, digits and -, e.g. alertmanager-eu',
    ],
    [
      'an unknown type',
      'sources: {am: {type: alertmanagr}}',
      'tocsin.yaml:1:22: sources.am.type must be one of alertmanager, events, got "alertmanagr"; did you mean alertmanager?',
    ],
    [
      'a word for auth',
      'sources: {am: {type: alertmanager, auth: non}}',
      'tocsin.yaml:1:42: sources.am.auth must be none, {bearer: [secret]} or {basic: [{username, password: secret}]}, got "non"',
    ],
    [
      'another type at /events',
      'sources: {events: {type: alertmanager}}',
      'tocsin.yaml:1:26: sources.events.type must be events: the source of this name answers at /events',
    ],
    [
      'a wrong severity word',
      'severity_map: {sev1: P7}',
      'tocsin.yaml:1:22: severity_map.sev1 must be one of P0, P1, P2, P3, P4, got "P7"; did you mean P0?',
    ],
    [
      'a pause longer than the longest',
      'workers: {retry: {first: 10m}}',
      'tocsin.yaml:1:26: workers.retry.first must not be longer than workers.retry.max',
    ],
    [
      'a key written twice',
      'log: {level: info}\nlog: {level: warn}',
      'tocsin.yaml:2:1: is not valid YAML here: Map keys must be unique',
    ],
    [
      'broken YAML',
      'http: [',
      'tocsin.yaml:1:8: is not valid YAML here: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['a list as document', '- a', 'tocsin.yaml:1:1: must be a group of keys, got ["a"]'],
  ])('%s', (_name, yaml, problem) => {
    expect(problems(yaml)).toEqual([problem]);
  });

  it('are reported all at once, in the order of the file', () => {
    expect(problems('log: {level: x}\nhttp: {limits: {depth: 1}}\nnope: 1').map((line) => line.split(':')[1])).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('stop a bomb of aliases and a file that is too large', () => {
    const bomb = `a: &a [x]\n${Array.from(
      { length: 8 },
      (_, index) =>
        `${String.fromCharCode(98 + index)}: &${String.fromCharCode(98 + index)} [${Array(9)
          .fill(`*${String.fromCharCode(97 + index)}`)
          .join(', ')}]`,
    ).join('\n')}`;
    expect(problems(bomb)[0]).toContain('cannot be read');
    expect(problems(`# ${'x'.repeat(300 * 1024)}`)[0]).toContain('is larger than');
  });

  it('name a file that is not there', () => {
    const loaded = loadConfig('missing.yaml', { env: {}, cwd: folder });
    expect(loaded).toMatchObject({
      ok: false,
      problems: [{ file: 'missing.yaml', message: expect.stringContaining('ENOENT') }],
    });
  });
});

describe('secrets', () => {
  const bearer = (secret: string) => `sources:\n  am:\n    type: alertmanager\n    auth: {bearer: [${secret}]}`;

  it('come from a file without its last newline, and from the environment', () => {
    const { config } = good(bearer('{file: token}, {env: TOKEN}'), { TOKEN: 'from-the-environment' });
    const { auth } = config.sources.am ?? {};
    if (typeof auth !== 'object' || !('bearer' in auth)) throw new Error('no bearer');
    expect(auth.bearer.map((token) => token.reveal())).toEqual(['from-a-file-0123456789', 'from-the-environment']);
  });

  it('never print', () => {
    const { config } = good(`${bearer('{file: token}')}\nredis: {url: "redis://u:hunter2@h:1/0"}`);
    for (const text of [JSON.stringify(config), inspect(config, { depth: 9 }), `${String(config.redis.url)}`]) {
      expect(text).not.toContain('from-a-file');
      expect(text).not.toContain('hunter2');
      expect(text).toContain('[redacted]');
    }
    expect(config.redis.url?.reveal()).toBe('redis://u:hunter2@h:1/0');
  });

  it.each<[string, string, string]>([
    ['a literal', 'hunter2', 'is a secret and must not be written here'],
    ['nothing', 'null', 'has no value'],
    ['a number', '12345', 'is a secret: write {file: path} or {env: NAME}'],
    ['both ways at once', '{file: token, env: TOKEN}', 'is a secret: write {file: path} or {env: NAME}'],
    ['a missing file', '{file: nope}', 'names the file nope, which cannot be read: ENOENT'],
    ['a missing variable', '{env: NOPE}', 'names the environment variable NOPE, which is not set'],
    ['an empty file', '{file: empty}', 'is empty: the file empty has no text in it'],
    ['a file of several lines', '{file: lines}', 'has more than one line in the file lines'],
  ])('refuse %s', (_name, secret, message) => {
    const [problem, ...others] = problems(bearer(secret));
    expect(others).toEqual([]);
    expect(problem).toContain(`sources.am.auth.bearer[0] ${message}`);
    expect(problem).toMatch(/^tocsin\.yaml:4:21: /);
    expect(problem).not.toContain('hunter2');
  });

  it('warn when they are short', () => {
    const loaded = good(bearer('{env: SHORT}'), { SHORT: 'short' });
    expect(loaded.warnings.map((warning) => warning.path)).toContain('sources.am.auth.bearer[0]');
  });
});

describe('reachable from outside', () => {
  const open = 'http: {listen: "0.0.0.0:9911"}\n';
  const authenticated = 'sources: {am: {type: alertmanager, auth: {bearer: [{file: token}]}}}\n';

  it('refuses sources without auth and an API without tokens', () => {
    expect(problems(`${open}sources: {am: {type: alertmanager}}`)).toEqual([
      expect.stringContaining('api.tokens is empty, and http.listen 0.0.0.0 can be reached from outside'),
      expect.stringContaining(
        'tocsin.yaml:2:15: sources.am has no auth, and http.listen 0.0.0.0 can be reached from outside',
      ),
    ]);
    expect(problems(open)).toHaveLength(3);
  });

  it('accepts them when they are said', () => {
    good(`${open}${authenticated}api: {tokens: [{file: token}]}`);
    const said = good(`${open}sources: {am: {type: alertmanager, auth: none}}\napi: {allow_unauthenticated: true}`);
    expect(said.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining('unauthenticated')]);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['127.evil.example.org', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });
});

describe('values', () => {
  it('adds severity words to the default ones, lower-cased, and replaces rows of the matrix', () => {
    const { config } = good(
      'severity_map: {SEV1: P0, critical: P2}\nnotify: {matrix: {P2: {}, P3: {eng_lead: {channels: [slack], delay: 1m}}}}',
    );
    expect(config.severity_map).toMatchObject({ sev1: 'P0', critical: 'P2', warning: 'P3' });
    expect(config.notify.matrix).toEqual({
      ...DEFAULT_MATRIX,
      P2: {},
      P3: { eng_lead: { channels: ['slack'], delayMs: 60_000 } },
    });
  });

  it('refuses a sink without a key for a role that the matrix tells', () => {
    const slack = (channels: string) => `sinks: {slack: {token: {file: token}, channels: ${channels}}}`;
    expect(problems(slack('{engineering: "#a"}'))).toEqual([
      expect.stringContaining('sinks.slack.channels has nothing for eng_lead, product, customer_success'),
    ]);
    good(slack('{default: "#a"}'));
  });

  it('reads IPv6 addresses and derives the external address', () => {
    const { config } = good('http: {listen: "[::1]:80"}');
    expect(config.http).toMatchObject({ listen: { host: '::1', port: 80 }, external_url: 'http://[::1]:80' });
    expect(good('http: {external_url: "https://tocsin.example.org/"}').config.http.external_url).toBe(
      'https://tocsin.example.org',
    );
    expect(problems('http: {external_url: "javascript:alert(1)"}')).toHaveLength(1);
  });

  it('resolves paths from the folder of the file', () => {
    const { config } = good(
      'redis: {embedded: {dir: ../data, program: bin/valkey-server}}\nrules: {files: [a/*.yaml, /b/*.yaml]}',
    );
    expect(config.redis.embedded).toEqual({
      dir: resolve(folder, '../data'),
      program: join(folder, 'bin/valkey-server'),
    });
    expect(config.rules.files).toEqual([join(folder, 'a/*.yaml'), '/b/*.yaml']);
    expect(good('redis: {embedded: {program: valkey-server}}').config.redis.embedded.program).toBe('valkey-server');
  });

  it('refuses an address of Redis that it does not know, without repeating it', () => {
    const [problem] = problems('redis: {url: {env: URL}}', { URL: 'http://user:hunter2@example.org' });
    expect(problem).toBe('tocsin.yaml:1:14: redis.url must begin with redis://, rediss:// or / (a unix socket)');
  });

  it('has a hash that follows the text', () => {
    expect(good('log: {level: info}').hash).not.toBe(good('log: {level: warn}').hash);
    expect(good('').hash).toMatch(/^[0-9a-f]{12}$/);
  });
});
