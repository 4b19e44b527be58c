/**
 * Everything fallible that needs no outside system: reads the configuration and the rules. `serve`, the engine thread and
 * `check` all come through here, so that they cannot disagree.
 *
 * The texts are read once into a snapshot that can be sent to a thread: a file that is broken later, on disk, cannot
 * reach a running daemon except through a reload that checks it first.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Config, formatConfigProblem, readConfig } from '../config/load.js';
import { TocsinError } from '../errors.js';
import { compileRules, formatRuleProblem, type CompiledRules } from '../rules/index.js';

export interface SnapshotOptions {
  /** Path of the configuration file; undefined: the built-in defaults. */
  readonly configPath: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute paths of rule files to use instead of those the configuration names. */
  readonly ruleFiles?: readonly string[];
}

/** The texts that a daemon runs on. Plain data. */
export interface Snapshot {
  readonly config: { readonly text: string; readonly label: string; readonly base: string };
  readonly rules: readonly { readonly path: string; readonly text: string }[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Prepared {
  readonly config: Config;
  readonly configHash: string;
  readonly rules: CompiledRules;
  /** Lines for people, each with its place. */
  readonly warnings: readonly string[];
}

export type Preparation =
  | { readonly ok: true; readonly snapshot: Snapshot; readonly prepared: Prepared }
  | {
      readonly ok: false;
      readonly code: 'TOCSIN_CONFIG_INVALID' | 'TOCSIN_RULES_INVALID';
      readonly problems: readonly string[];
      readonly warnings: readonly string[];
    };

/** Reads and checks the files. Never throws for what a person can get wrong. */
export function prepare(options: SnapshotOptions): Preparation {
  const { configPath, cwd, env } = options;
  const bad = (problem: string): Preparation => ({
    ok: false,
    code: 'TOCSIN_CONFIG_INVALID',
    problems: [problem],
    warnings: [],
  });
  let config: Snapshot['config'] = { text: '', label: '(defaults)', base: cwd };
  if (configPath !== undefined) {
    const file = resolve(cwd, configPath);
    try {
      config = { text: readFileSync(file, 'utf8'), label: configPath, base: dirname(file) };
    } catch (error) {
      return bad(`${configPath}:1:1: cannot be read: ${(error as Error).message}`);
    }
  }
  const loaded = readConfig(config.text, config.label, { env, base: config.base });
  if (!loaded.ok) {
    return {
      ok: false,
      code: 'TOCSIN_CONFIG_INVALID',
      problems: loaded.problems.map(formatConfigProblem),
      warnings: [],
    };
  }
  const warnings = loaded.warnings.map(formatConfigProblem);
  const rules: { path: string; text: string }[] = [];
  for (const pattern of options.ruleFiles ?? loaded.config.rules.files) {
    try {
      const paths = expandPattern(pattern);
      if (paths.length === 0) warnings.push(`${config.label}: rules.files: ${pattern} matches no file`);
      for (const path of paths) rules.push({ path: shorten(path, cwd), text: readFileSync(path, 'utf8') });
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const what = missing ? 'does not exist; name your rule files in rules.files' : (error as Error).message;
      return bad(`${config.label}: rules.files: ${pattern}: ${what}`);
    }
  }
  return assemble({ config, rules, env }, warnings);
}

/** The same from a snapshot; the engine thread starts here. */
export function assemble(snapshot: Snapshot, warnings: readonly string[] = []): Preparation {
  const { text, label, base } = snapshot.config;
  const loaded = readConfig(text, label, { env: snapshot.env, base });
  if (!loaded.ok) {
    return { ok: false, code: 'TOCSIN_CONFIG_INVALID', problems: loaded.problems.map(formatConfigProblem), warnings };
  }
  const compiled = compileRules(snapshot.rules);
  if (!compiled.ok) {
    const errors = compiled.problems.filter((problem) => problem.severity === 'error');
    const rest = compiled.problems.filter((problem) => problem.severity !== 'error');
    return {
      ok: false,
      code: 'TOCSIN_RULES_INVALID',
      problems: errors.map(formatRuleProblem),
      warnings: [...warnings, ...rest.map(formatRuleProblem)],
    };
  }
  const prepared: Prepared = {
    config: loaded.config,
    configHash: loaded.hash,
    rules: compiled.rules,
    warnings: [...warnings, ...compiled.warnings.map(formatRuleProblem)],
  };
  return { ok: true, snapshot, prepared };
}

/** The prepared parts, or a TocsinError that lists every problem. */
export function mustPrepare(preparation: Preparation): { snapshot: Snapshot; prepared: Prepared } {
  if (preparation.ok) return preparation;
  throw new TocsinError(preparation.code, preparation.problems.join('\n'));
}

/** Files of a path whose last part may hold `*`; rule tests (`*.test.yaml`) are not rules. */
function expandPattern(pattern: string): string[] {
  const last = basename(pattern);
  if (!last.includes('*')) return [pattern];
  const source = last
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  const matches = new RegExp(`^${source}$`);
  return readdirSync(dirname(pattern))
    .filter((name) => matches.test(name) && !/\.test\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(dirname(pattern), name));
}

/** Relative to the working directory when inside it: what a person wants to click on. */
function shorten(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}
