/** What can be checked of docker/ without a container engine: paths, flags, hardening, the configuration, and the flags on a real Redis. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/load.js';
import { durabilityProblems } from '../../src/store/durability.js';
import { connectGeneral } from '../../src/store/connect.js';
import { startRedis } from '../kit/redis.js';

interface Service {
  readonly command?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
}
interface Compose {
  readonly services: { readonly redis: Service; readonly tocsin: Service };
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const dockerfile = readFileSync('docker/Dockerfile', 'utf8');
const compose = parse(readFileSync('docker/compose.yaml', 'utf8')) as Compose;

/** Instructions of the Dockerfile in order, comments dropped. */
function instructions(name: string): string[] {
  return [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map((match) => match[1] ?? '');
}

describe('docker/Dockerfile', () => {
  it('copies what exists, and the ignore file lets all of it through', () => {
    const allowed = readFileSync('docker/Dockerfile.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    const copied = instructions('COPY')
      .filter((line) => !line.startsWith('--from'))
      .flatMap((line) => line.split(' ').slice(0, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const source of copied) {
      expect({ source, exists: existsSync(source) }).toEqual({ source, exists: true });
      expect(allowed).toContain(`!${source}`);
    }
  });

  it('pins the tag of a Node that the package supports, the same in both stages', () => {
    const images = instructions('FROM').map((line) => line.replace(/ AS .*/, ''));
    expect(new Set(images).size).toBe(1);
    expect(Number(/^node:(\d+)-bookworm-slim$/.exec(images[0] ?? '')?.[1])).toBeGreaterThanOrEqual(20);
  });

  it('builds with the scripts of the package and starts what they build', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
      bin: { tocsin: string };
      scripts: Record<string, string>;
    };
    expect(manifest.scripts['build']).toBeDefined();
    expect(instructions('ENTRYPOINT')).toEqual([`["node", "${manifest.bin.tocsin}"]`]);
    expect(instructions('CMD')).toEqual(['["serve", "--config", "/etc/tocsin/tocsin.yaml"]']);
  });

  it('runs as an ordinary user, after everything was copied', () => {
    expect(instructions('USER')).toEqual(['65532:65532']);
    expect(dockerfile.indexOf('\nUSER ')).toBeGreaterThan(dockerfile.lastIndexOf('\nCOPY '));
  });
});

describe('docker/compose.yaml', () => {
  const { redis, tocsin } = compose.services;

  it.each(Object.entries(compose.services))('gives %s no more than it needs', (_name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  });

  it('keeps Redis away from everybody but the daemon', () => {
    expect(redis.ports).toBeUndefined();
    expect(redis.networks).toEqual(['inside']);
    expect(compose.networks['inside']?.internal).toBe(true);
  });

  it('builds from a Dockerfile that exists', () => {
    const context = path.join('docker', tocsin.build?.context ?? '');
    expect(existsSync(path.join(context, tocsin.build?.dockerfile ?? ''))).toBe(true);
  });

  it('starts a Redis that the start-up check accepts as strict', async () => {
    const [program, ...flags] = redis.command ?? [];
    expect(program).toBe('redis-server');
    // The last one of a setting wins: unsafe ones first, so that each of them must be put right by compose.yaml.
    const unsafe = ['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru', '--no-appendfsync-on-rewrite', 'yes'];
    const server = await startRedis({ extra: [...unsafe, ...flags] });
    const connection = connectGeneral(server.socketPath, 5_000);
    try {
      expect(await durabilityProblems(connection)).toEqual([]);
    } finally {
      connection.close();
      await server.stop();
    }
  });
});

describe('docker/tocsin.yaml', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'tocsin-docker-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Loads it as in the container, with the secrets of compose.yaml in another folder. */
  function load(text: string): ReturnType<typeof readConfig> {
    const secrets = path.join(folder, 'secrets');
    mkdirSync(secrets);
    for (const name of compose.services.tocsin.secrets ?? []) {
      expect(compose.secrets[name]?.file).toBe(`./secrets/${name}`);
      writeFileSync(path.join(secrets, name), 'a'.repeat(64));
    }
    return readConfig(text.replaceAll('/run/secrets', secrets), 'docker/tocsin.yaml', { env: {}, base: folder });
  }

  it('is accepted with exactly the secrets that compose.yaml hands over, and without a warning', () => {
    const loaded = load(readFileSync('docker/tocsin.yaml', 'utf8'));
    expect(loaded).toMatchObject({ ok: true, warnings: [], config: { redis: { durability: 'strict' } } });
  });

  it('would be refused without tokens, since everybody reaches 0.0.0.0', () => {
    const text = readFileSync('docker/tocsin.yaml', 'utf8')
      .replace(/tokens: .*/, 'tokens: []')
      .replaceAll(/^ *auth: .*$/gm, '');
    const loaded = load(text);
    expect(loaded.ok ? [] : loaded.problems.map((problem) => problem.path)).toHaveLength(3);
  });
});

describe('docker/healthcheck.mjs', () => {
  async function check(status: number | undefined): Promise<number | null> {
    const server = createServer((_request, response) => response.writeHead(status ?? 500).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    if (status === undefined) await new Promise((resolve) => server.close(resolve));
    const child = spawn(process.execPath, ['docker/healthcheck.mjs'], {
      env: { ...process.env, TOCSIN_HEALTH_URL: `http://127.0.0.1:${port}/healthz` },
      stdio: 'ignore',
    });
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    if (status !== undefined) await new Promise((resolve) => server.close(resolve));
    return code;
  }

  it.each([
    { answer: 200, code: 0 },
    { answer: 503, code: 1 },
    { answer: undefined, code: 1 },
  ])('ends with $code when the daemon answers $answer', async ({ answer, code }) => {
    expect(await check(answer)).toBe(code);
  });
});
