/** Reads the secrets that the configuration points to, and makes its paths absolute. */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

import type { Fault, KeyPath } from './problem.js';
import type { Config, ParsedConfig } from './schema.js';
import { Secret, SecretReference } from './secret.js';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  readonly base: string;
}

/** The configuration with secrets and absolute paths; every secret that cannot be read becomes a fault. */
export function resolveConfig(parsed: ParsedConfig, around: Surroundings, faults: Fault[]): Config {
  // the walk keeps every key and replaces only references by secrets: that is what Config says about ParsedConfig
  const config = replaceSecrets(parsed, [], around, faults) as Config;
  const absolute = (path: string) => (isAbsolute(path) ? path : resolve(around.base, path));
  const { redis, sinks, rules, http } = config;
  return {
    ...config,
    http: { ...http, external_url: parsed.http.external_url ?? `http://${formatAddress(http.listen)}` },
    redis: {
      ...redis,
      embedded: {
        ...redis.embedded,
        dir: absolute(redis.embedded.dir),
        // a bare name is looked up in the PATH
        ...(redis.embedded.program?.includes('/') === true ? { program: absolute(redis.embedded.program) } : {}),
      },
    },
    rules: { files: rules.files.map(absolute) },
    sinks: {
      ...sinks,
      ...(sinks.pagerduty?.ca_file === undefined
        ? {}
        : { pagerduty: { ...sinks.pagerduty, ca_file: absolute(sinks.pagerduty.ca_file) } }),
    },
  };
}

function formatAddress({ host, port }: { host: string; port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function replaceSecrets(value: unknown, path: KeyPath, around: Surroundings, faults: Fault[]): unknown {
  if (value instanceof SecretReference) return readSecret(value, path, around, faults);
  if (Array.isArray(value)) return value.map((item, index) => replaceSecrets(item, [...path, index], around, faults));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, replaceSecrets(item, [...path, key], around, faults)]),
  );
}

function readSecret(reference: SecretReference, path: KeyPath, around: Surroundings, faults: Fault[]): Secret {
  const refuse = (message: string) => {
    faults.push({ path, message });
    return new Secret('');
  };
  let text: string | undefined;
  try {
    text = readText(reference, around);
  } catch (error) {
    return refuse(`names the file ${reference.name}, which cannot be read: ${(error as Error).message}`);
  }
  if (text === undefined) return refuse(`names the environment variable ${reference.name}, which is not set`);
  const trimmed = text.replace(/(\r?\n)+$/, '');
  const where = reference.from === 'file' ? `the file ${reference.name}` : `the environment variable ${reference.name}`;
  if (trimmed.trim() === '') return refuse(`is empty: ${where} has no text in it`);
  if (/[\r\n\0]/.test(trimmed)) return refuse(`has more than one line in ${where}; a secret is one line`);
  return new Secret(trimmed);
}

/** Throws what the file system says. */
function readText({ from, name }: SecretReference, around: Surroundings): string | undefined {
  if (from === 'literal') return name;
  return from === 'env' ? around.env[name] : readFileSync(resolve(around.base, name), 'utf8');
}
