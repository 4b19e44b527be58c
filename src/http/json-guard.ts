/**
 * JSON from outside: bytes -> value, refusing what is cheap to send and dear to work with. The depth is measured on the
 * bytes, before anything is built.
 */
import { isUtf8 } from 'node:buffer';

import { BodyFault } from './problem.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{` differ in this bit only, as do `]` and `}`. */
const CASE_BIT = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** The parsed body. Throws BodyFault: not UTF-8, nested too deeply, not JSON, or with a key that poisons prototypes. */
export function parseBody(bytes: Buffer, deepest: number): unknown {
  if (bytes.length === 0) throw new BodyFault('TOCSIN_BODY_NOT_JSON', 'the body is empty');
  if (!isUtf8(bytes)) throw new BodyFault('TOCSIN_BODY_NOT_JSON', 'the body is not valid UTF-8');
  if (isDeeperThan(bytes.toString('latin1'), deepest)) {
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

/**
 * Whether brackets outside of strings nest deeper than `deepest`. Takes the bytes as Latin-1: what matters is ASCII, and
 * finding the next quote in a one-byte text is the fastest search there is.
 */
export function isDeeperThan(latin1: string, deepest: number): boolean {
  let depth = 0;
  for (let index = 0; index < latin1.length; index += 1) {
    const code = latin1.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(latin1, index);
    } else if ((code | CASE_BIT) === OPENING) {
      depth += 1;
      if (depth > deepest) return true;
    } else if ((code | CASE_BIT) === CLOSING) {
      depth -= 1;
    }
  }
  return false;
}

/** Index of the quote that ends the string whose first quote is at `start`; the end of the text without one. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

/** An odd number of backslashes stands before it. */
function isEscaped(text: string, index: number): boolean {
  let first = index;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (index - first) % 2 === 1;
}

/** What a forbidden key is made of: a part that both words have, or an escape of a letter or underscore that could hide it. */
const SUSPECTS = ['proto', '\\u00'];

/** Cheap, and never wrongly false. */
function mayHoldForbiddenKey(text: string): boolean {
  return SUSPECTS.some((suspect) => text.includes(suspect));
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
