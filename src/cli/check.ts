/** `tocsin check`: configuration and rules, offline, every problem with its place. */
import { resolve } from 'node:path';
import { prepare } from '../daemon/prepare.js';
import type { OutputForm } from './incidents.js';
import type { CliSurroundings } from './surroundings.js';

export interface CheckOptions extends CliSurroundings {
  readonly configPath: string | undefined;
  /** Checked instead of the configuration's own rule files. */
  readonly ruleFiles: readonly string[];
  readonly form: OutputForm;
}

/** Prints what was found; 0 when there is no error (warnings are fine), 1 otherwise. */
export function runCheck(options: CheckOptions): number {
  const { configPath, cwd, env, form, out } = options;
  const ruleFiles = options.ruleFiles.map((file) => resolve(cwd, file));
  const result = prepare({ configPath, cwd, env, ...(ruleFiles.length === 0 ? {} : { ruleFiles }) });
  const warnings = result.ok ? result.prepared.warnings : result.warnings;
  const problems = result.ok ? [] : result.problems;
  if (form === 'json') {
    out(JSON.stringify({ ok: result.ok, problems, warnings }, null, 2));
    return result.ok ? 0 : 1;
  }
  for (const problem of problems) out(`error: ${problem}`);
  for (const warning of warnings) out(`warning: ${warning}`);
  if (!result.ok) {
    out(`FAILED: ${problems.length} ${problems.length === 1 ? 'error' : 'errors'}, ${warnings.length} warnings`);
    return 1;
  }
  const { config, rules } = result.prepared;
  const sources = Object.entries(config.sources).map(([name, source]) => {
    const auth = source.auth === undefined || source.auth === 'none' ? 'UNAUTHENTICATED' : Object.keys(source.auth)[0];
    return `${name} (${source.type}, ${auth})`;
  });
  out(`configuration: ${result.snapshot.config.label}`);
  out(`sources: ${sources.join(', ')}`);
  out(`rules: ${rules.rules.length} in ${result.snapshot.rules.length} files`);
  for (const rule of rules.rules) {
    out(`  ${rule.name}${rule.inert === undefined ? '' : `  (cannot match yet: ${rule.inert})`}`);
  }
  out(`SUCCESS${warnings.length > 0 ? `, with ${warnings.length} warnings` : ''}`);
  return 0;
}
