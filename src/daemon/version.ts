/** The version in package.json: in the CLI, in /metrics and in the status. */
import { readFileSync } from 'node:fs';

let cached: string | undefined;

export function programVersion(): string {
  if (cached === undefined) {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    cached = (JSON.parse(text) as { version: string }).version;
  }
  return cached;
}
