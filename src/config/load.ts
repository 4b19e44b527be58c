/**
 * Loads the configuration: YAML text -> document with positions -> values -> secrets read and paths made absolute ->
 * checks. Everything that is wrong is reported at once, each with its place in the file.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';

import { refusals, warnings as warningsOf } from './checks.js';
import { faultsOf } from './faults.js';
import { type ConfigProblem, type Fault, locate, type PositionedDocument } from './problem.js';
import { resolveConfig } from './resolve.js';
import { type Config, configSchema } from './schema.js';

export type { ConfigProblem } from './problem.js';
export type { Config } from './schema.js';
export { formatConfigProblem } from './problem.js';

const LARGEST_FILE = 256 * 1024;
const MOST_ALIASES = 100;

export interface LoadOptions {
  /** Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where `path` and, without a file, the paths of the defaults start. Default: the working directory. */
  readonly cwd?: string;
}

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly ConfigProblem[];
      /** Absolute path; absent for the built-in defaults. */
      readonly file?: string;
      /** SHA-256 of the text, 12 hex digits: tells whether replicas run the same configuration. */
      readonly hash: string;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/**
 * The configuration of the file, or the built-in defaults without one.
 * Relative paths inside a file start at the folder of the file. Never throws for what a person can get wrong.
 */
export function loadConfig(path: string | undefined, options: LoadOptions = {}): LoadedConfig {
  const cwd = options.cwd ?? process.cwd();
  const env = options.env ?? process.env;
  if (path === undefined) return readConfig('', '(defaults)', { env, base: cwd });
  const file = resolve(cwd, path);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot be read: ${(error as Error).message}`;
    return { ok: false, problems: [{ file: path, line: 1, column: 1, path: '', message }] };
  }
  const loaded = readConfig(text, path, { env, base: dirname(file) });
  return loaded.ok ? { ...loaded, file } : loaded;
}

/** The same for a text at hand; `label` names it in problems. */
export function readConfig(
  text: string,
  label: string,
  around: { readonly env: Readonly<Record<string, string | undefined>>; readonly base: string },
): LoadedConfig {
  const lines = new LineCounter();
  const fail = (message: string): LoadedConfig => ({
    ok: false,
    problems: [{ file: label, line: 1, column: 1, path: '', message }],
  });
  if (text.length > LARGEST_FILE) return fail(`is larger than ${LARGEST_FILE} bytes`);
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const syntax = [...document.errors, ...document.warnings].map((error): ConfigProblem => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { file: label, line, column: col, path: '', message: `is not valid YAML here: ${error.message}` };
  });
  if (syntax.length > 0) return { ok: false, problems: syntax };
  let values: unknown;
  try {
    values = document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {};
  } catch (error) {
    return fail(`cannot be read: ${(error as Error).message}`);
  }
  const source: PositionedDocument = { file: label, document, lines };
  const problemsOf = (faults: readonly Fault[]) => faults.map((fault) => locate(source, fault)).sort(byPosition);

  const parsed = configSchema.safeParse(values);
  if (!parsed.success) return { ok: false, problems: problemsOf(faultsOf(parsed.error, configSchema, values)) };
  const faults: Fault[] = [];
  const config = resolveConfig(parsed.data, around, faults);
  faults.push(...refusals(config));
  if (faults.length > 0) return { ok: false, problems: problemsOf(faults) };
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { ok: true, config, warnings: problemsOf(warningsOf(config)), hash };
}

function byPosition(left: ConfigProblem, right: ConfigProblem): number {
  return left.line - right.line || left.column - right.column;
}
