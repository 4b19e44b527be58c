/**
 * The scalar forms of the configuration (durations, sizes, addresses, secrets) and how they become plain values.
 * Each schema carries its form in `meta.form`, which the reference and the error messages use.
 */
import { z } from 'zod';

import { parseDuration } from '../domain/duration.js';
import { SecretReference } from './secret.js';

const SIZE = /^(\d+)(B|KiB|MiB|GiB)$/;
const SIZE_FACTORS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/** Bytes of `512B`, `64KiB`, `16MiB`, `1GiB`; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit] = SIZE.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * (SIZE_FACTORS[unit] ?? 1);
}

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** `host:port` or `[ipv6]:port`; undefined for anything else. */
export function parseListen(text: string): ListenAddress | undefined {
  const [, ipv6, host, port] = LISTEN.exec(text) ?? [];
  const name = ipv6 ?? host;
  if (name === undefined || Number(port) > 65_535) return undefined;
  return { host: name, port: Number(port) };
}

/** Text that `parse` turns into a value, or an issue that says which form is expected. */
function parsed<T>(form: string, parse: (text: string) => T | undefined, expected: string) {
  return z
    .unknown()
    .transform((raw, context): T => {
      const value = typeof raw === 'string' ? parse(raw) : undefined;
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `must be ${expected}, got ${shown(raw)}` });
      return z.NEVER;
    })
    .meta({ form });
}

/** What was written, short enough for a message. */
export function shown(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing';
  const text = JSON.stringify(raw) ?? typeof raw;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Duration -> milliseconds, within the bounds (inclusive, ms). */
export function duration(bounds: { min?: number; max?: number } = {}) {
  const within = (ms: number | undefined) =>
    ms !== undefined && ms >= (bounds.min ?? 0) && ms <= (bounds.max ?? Number.MAX_SAFE_INTEGER) ? ms : undefined;
  const limits = [
    ...(bounds.min === undefined ? [] : [`at least ${bounds.min / 1000} s`]),
    ...(bounds.max === undefined ? [] : [`at most ${bounds.max / 1000} s`]),
  ];
  const expected = ['a duration with units, such as 30s, 5m or 1h30m', ...limits].join(', ');
  return parsed('duration', (text) => within(parseDuration(text)), expected);
}

/** Size -> bytes, at least `min`. */
export function size(min: number) {
  return parsed(
    'size',
    (text) => {
      const bytes = parseSize(text);
      return bytes !== undefined && bytes >= min ? bytes : undefined;
    },
    `a size such as 64KiB or 16MiB, at least ${min}B`,
  );
}

export function listenAddress() {
  return parsed('host:port', parseListen, 'an address such as 127.0.0.1:9911 or [::1]:9911');
}

/** An http or https address without a trailing slash. */
export function httpUrl() {
  return parsed(
    'url',
    (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url?.protocol === 'http:' || url?.protocol === 'https:' ? text.replace(/\/+$/, '') : undefined;
    },
    'an http:// or https:// address',
  );
}

function referenceOf(raw: unknown): SecretReference | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const entries = Object.entries(raw);
  const [[from, name] = []] = entries;
  if (entries.length !== 1 || typeof name !== 'string' || name === '') return undefined;
  return from === 'file' || from === 'env' ? new SecretReference(from, name) : undefined;
}

/** `{file: path}` or `{env: NAME}`, never the secret itself. The message never repeats what was written. */
export function secret() {
  return z
    .unknown()
    .transform((raw, context): SecretReference => {
      const reference = referenceOf(raw);
      if (reference !== undefined) return reference;
      const problem =
        typeof raw === 'string'
          ? 'is a secret and must not be written here: put it into a file and write {file: path}, or into an environment variable and write {env: NAME}'
          : 'is a secret: write {file: path} or {env: NAME}';
      context.addIssue({ code: 'custom', message: problem });
      return z.NEVER;
    })
    .meta({ form: 'secret' });
}

/** A text that may be a secret as well: kept as one, because it may hold a password. */
export function textOrSecret() {
  return z
    .unknown()
    .transform((raw, context): SecretReference => {
      if (typeof raw === 'string' && raw !== '') return new SecretReference('literal', raw);
      const reference = referenceOf(raw);
      if (reference !== undefined) return reference;
      context.addIssue({ code: 'custom', message: `must be text, {file: path} or {env: NAME}` });
      return z.NEVER;
    })
    .meta({ form: 'text or secret' });
}
