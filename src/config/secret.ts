/**
 * A secret of the configuration: it is in memory because it must be used, and it prints as `[redacted]` everywhere else
 * (JSON, template strings, console, util.inspect), so that a logged configuration gives nothing away.
 */
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself. Call it where it is used, keep no copy. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** Where a secret comes from, as written in the configuration; load.ts replaces it by the Secret. */
export class SecretReference {
  constructor(
    readonly from: 'file' | 'env' | 'literal',
    readonly name: string,
  ) {}
}
