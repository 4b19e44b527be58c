/**
 * JSON from outside: bytes -> value, refusing what is cheap to send and dear to work with. The depth is measured on the
 * bytes, before anything is built.
 */
import { isUtf8 } from 'node:buffer';

import { BodyFault } from './problem.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The parsed body. Throws BodyFault: not UTF-8, nested too deeply, not JSON, or with a key that poisons prototypes. */
export function parseBody(bytes: Buffer, deepest: number): unknown {
  if (bytes.length === 0) throw new BodyFault('TOCSIN_BODY_NOT_JSON', 'the body is empty');
  if (!isUtf8(bytes)) throw new BodyFault('TOCSIN_BODY_NOT_JSON', 'the body is not valid UTF-8');
  if (isDeeperThan(bytes, deepest)) {
    throw new BodyFault('TOCSIN_BODY_TOO_DEEP', `the body is nested deeper than ${deepest} levels (http.limits.depth)`);
  }
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BodyFault('TOCSIN_BODY_NOT_JSON', `the body is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (mayHoldForbiddenKey(text)) {
    const path = forbiddenKey(value, '');
    if (path !== undefined) throw new BodyFault('TOCSIN_BODY_FORBIDDEN_KEY', `the key ${path} is not allowed`, path);
  }
  return value;
}

/** Whether brackets outside of strings nest deeper than `deepest`. */
export function isDeeperThan(bytes: Uint8Array, deepest: number): boolean {
  let depth = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index = endOfString(bytes, index + 1);
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > deepest) return true;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}

/** Index of the quote that ends the string beginning at `from`. */
function endOfString(bytes: Uint8Array, from: number): number {
  let index = from;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}

/** Cheap and never wrongly false: the words themselves, or an escape of a letter or underscore that could hide them. */
function mayHoldForbiddenKey(text: string): boolean {
  return text.includes('__proto__') || text.includes('prototype') || /\\u00[567]/.test(text);
}

/** Path of the first `__proto__` key, or `prototype` below `constructor`. The depth is bounded already. */
function forbiddenKey(value: unknown, path: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value as Record<string, unknown>)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    if (key === '__proto__') return at;
    const holdsPrototype = typeof child === 'object' && child !== null && Object.hasOwn(child, 'prototype');
    if (key === 'constructor' && holdsPrototype) return `${at}.prototype`;
    const inside = forbiddenKey(child, at);
    if (inside !== undefined) return inside;
  }
  return undefined;
}
