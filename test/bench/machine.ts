/** What the figures were measured on: printed with them, because only ratios of one run on one machine mean anything. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { findAlertmanager, findProgram } from './contestants.js';

export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly fastify: string;
  readonly redis: string;
  readonly alertmanager: string;
  /** Load average of the last minute before the run: other work on the machine spoils absolute figures. */
  readonly loadBefore: number;
  readonly at: string;
}

function firstLine(program: string | undefined, args: readonly string[]): string {
  if (program === undefined) return 'not installed';
  const text = execFileSync(program, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return text.split('\n')[0] ?? '';
}

export function machineFacts(): MachineFacts {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../node_modules/fastify/package.json', import.meta.url), 'utf8'),
  );
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    fastify: (manifest as { readonly version: string }).version,
    redis: firstLine(findProgram('valkey-server', 'redis-server'), ['--version']),
    alertmanager: firstLine(findAlertmanager(), ['--version']),
    loadBefore: loadavg()[0] ?? Number.NaN,
    at: new Date().toISOString(),
  };
}
