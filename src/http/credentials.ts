/**
 * Who may send and who may read. Credentials are kept as SHA-256 hashes and compared in constant time, every one of them,
 * so that neither the answer's time nor a memory dump tells more than right or wrong.
 */
import { hash, timingSafeEqual } from 'node:crypto';

import type { SourceAuth } from '../config/schema.js';
import type { Secret } from '../config/secret.js';

export interface Verifier {
  /** For the WWW-Authenticate header of a 401. */
  readonly challenge: string;
  /** Whether the Authorization header proves one of the credentials. */
  accepts(authorization: string | undefined): boolean;
}

const LONGEST_HEADER = 4_096;

/** Undefined: everybody is accepted. */
export function sourceVerifier(auth: SourceAuth | undefined): Verifier | undefined {
  if (auth === undefined || auth === 'none') return undefined;
  if ('bearer' in auth) return bearerVerifier(auth.bearer);
  const expected = auth.basic.map(({ username, password }) => digest(`${username}:${password.reveal()}`));
  return {
    challenge: 'Basic realm="tocsin", charset="UTF-8"',
    accepts: (header) => {
      const given = credentials(header, 'basic');
      return given !== undefined && matches(digest(Buffer.from(given, 'base64').toString('utf8')), expected);
    },
  };
}

export function bearerVerifier(tokens: readonly Secret[]): Verifier {
  const expected = tokens.map((token) => digest(token.reveal()));
  return {
    challenge: 'Bearer realm="tocsin"',
    accepts: (header) => {
      const given = credentials(header, 'bearer');
      return given !== undefined && matches(digest(given), expected);
    },
  };
}

/** What follows the scheme; the scheme's case does not matter. */
function credentials(header: string | undefined, scheme: string): string | undefined {
  if (header === undefined || header.length > LONGEST_HEADER) return undefined;
  if (header.slice(0, scheme.length + 1).toLowerCase() !== `${scheme} `) return undefined;
  const given = header.slice(scheme.length + 1).trim();
  return given === '' ? undefined : given;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function matches(given: Buffer, expected: readonly Buffer[]): boolean {
  let found = false;
  for (const each of expected) found = timingSafeEqual(given, each) || found;
  return found;
}
