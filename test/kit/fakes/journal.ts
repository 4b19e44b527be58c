/**
 * What a fake receiver accepted, in order: in memory, and with a file also as NDJSON, appended before the answer, so that
 * what the sender was told and what the journal says agree over a kill of the fake.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';

export class Journal<T> {
  readonly entries: T[] = [];
  readonly #path: string | undefined;
  readonly #listeners = new Set<(entry: T) => void>();

  constructor(path?: string) {
    this.#path = path;
    if (path === undefined || !existsSync(path)) return;
    // a line that a kill cut in half was not answered: it did not happen
    const text = readFileSync(path, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
    this.entries.push(
      ...whole
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as T),
    );
  }

  add(entry: T): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
    this.entries.push(entry);
    for (const listener of this.#listeners) listener(entry);
  }

  /** Resolves with the first entry, past or coming, that fits. */
  next(fits: (entry: T) => boolean): Promise<T> {
    const past = this.entries.find(fits);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve) => {
      const listener = (entry: T): void => {
        if (!fits(entry)) return;
        this.#listeners.delete(listener);
        resolve(entry);
      };
      this.#listeners.add(listener);
    });
  }
}
