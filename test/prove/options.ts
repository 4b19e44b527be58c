/** The command line of the proof. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run prove -- [options]

  --short               at least 60 s and 300 kills, with power cuts (this is what CI runs)
  --minutes N           at least N minutes of kills (default: 5)
  --power-cuts          each kill of Redis is a power cut: what was not synced is gone
  --seed N              draws the same workload and the same order of kills again
  --control=everysec    Redis with appendfsync everysec and power cuts: must lose, or the harness is blind
  --control=naive-commit   the commit in separate steps: must lose or double, or the harness is blind
  --aof-cuts N          boots Redis on N truncated copies of the AOF of a run and looks for torn commits
  --dist DIR            the build to prove (default: dist)
  --keep                keeps the folder of the run (it is always kept after a failure)
`;

export type Control = 'everysec' | 'naive-commit';

export interface ProofOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly leastKills: number;
  /** The run goes on until so many webhooks and events were acknowledged. */
  readonly leastDeliveries: number;
  readonly powerCuts: boolean;
  readonly control: Control | undefined;
  /** Cuts to try; undefined: a run of kills instead. */
  readonly aofCuts: number | undefined;
  /** Folder of the build, absolute; undefined: `dist` of this checkout. */
  readonly dist: string | undefined;
  readonly keep: boolean;
}

/** Throws an Error whose message is for the person at the terminal. */
export function parseOptions(argv: readonly string[], freshSeed: number): ProofOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      short: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      control: { type: 'string' },
      'power-cuts': { type: 'boolean', default: false },
      'aof-cuts': { type: 'string' },
      dist: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const { control } = values;
  if (control !== undefined && control !== 'everysec' && control !== 'naive-commit') {
    throw new Error(`--control=${control}: must be everysec or naive-commit`);
  }
  const minutes = values.short ? (control === undefined ? 1 : 0.5) : readNumber('--minutes', values.minutes, 5, 0.1);
  return {
    seed: Math.floor(readNumber('--seed', values.seed, freshSeed, 0)),
    minutes,
    // controls only have to show that the oracle sees; proofs have to have tried
    leastKills: control === undefined ? Math.max(20, Math.round(minutes * 300)) : 20,
    leastDeliveries: control === undefined ? Math.round(minutes * 600) : 250,
    powerCuts: values['power-cuts'] || values.short || control === 'everysec',
    control,
    aofCuts: values['aof-cuts'] === undefined ? undefined : readNumber('--aof-cuts', values['aof-cuts'], 0, 1),
    dist: values.dist === undefined ? undefined : resolve(values.dist),
    keep: values.keep,
  };
}

function readNumber(name: string, text: string | undefined, missing: number, least: number): number {
  if (text === undefined) return missing;
  const value = Number(text);
  if (!Number.isFinite(value) || value < least)
    throw new Error(`${name} ${text}: must be a number of at least ${least}`);
  return value;
}
