/**
 * One process of the system under test: started, started again whenever it ends, and able to be killed or paused.
 * It tells apart who ended it: the killer, one of its own failpoints, or it by itself.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

export type ProcessKind = 'intake' | 'engine' | 'worker' | 'all-in-one' | 'redis' | 'pagerduty' | 'slack';

export interface ProcessPlan {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Asked at every start: failpoints differ from life to life. */
  readonly env: () => NodeJS.ProcessEnv;
  /** Where it listens on 127.0.0.1 once it works; absent: it counts as up as soon as it is started. */
  readonly port?: number;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** Runs between a death and the next start: where a power cut takes what was not on disk. */
  readonly beforeRestart?: () => void;
}

export interface Ending {
  readonly process: string;
  readonly kind: ProcessKind;
  readonly by: 'killer' | 'failpoint' | 'itself' | 'harness';
  /** Name of the failpoint, or the exit code or signal. */
  readonly what: string;
}

const FAILPOINT_LINE = /^TOCSIN_FAILPOINT (\S+)/;
const RESTART_AFTER_MS = 40;
const LOOK_AGAIN_MS = 50;

/** All living children of this harness, so that nothing outlives it whatever happens. */
const living = new Set<ChildProcess>();

function killAll(): void {
  for (const child of living) child.kill('SIGKILL');
}
process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

export class Supervised {
  readonly plan: ProcessPlan;
  readonly endings: Ending[] = [];
  paused = false;
  #child: ChildProcess | undefined;
  #killedBy: 'killer' | 'harness' | undefined;
  #stopping = false;
  #up = false;
  #running: Promise<void> = Promise.resolve();

  constructor(plan: ProcessPlan) {
    this.plan = plan;
  }

  get alive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Alive, and listens. */
  get up(): boolean {
    return this.alive && this.#up;
  }

  get pid(): number | undefined {
    return this.alive ? this.#child?.pid : undefined;
  }

  /** Starts it and keeps it running until stop(). */
  start(): void {
    this.#stopping = false;
    this.#running = this.#keepRunning();
  }

  /** SIGKILL, as the out-of-memory killer would. False when there was nothing to kill. */
  kill(by: 'killer' | 'harness' = 'killer'): boolean {
    if (!this.alive) return false;
    this.#killedBy = by;
    return this.#child?.kill('SIGKILL') ?? false;
  }

  /** Frozen for so long, then goes on where it was, not knowing that time passed. */
  async freeze(ms: number): Promise<void> {
    const child = this.#child;
    if (!this.alive || this.paused) return;
    this.paused = true;
    child?.kill('SIGSTOP');
    await pause(ms);
    child?.kill('SIGCONT');
    this.paused = false;
  }

  /** Ends it for good. With SIGTERM it gets `graceMs` to end by itself. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL', graceMs = 5_000): Promise<void> {
    this.#stopping = true;
    this.#killedBy = 'harness';
    const child = this.#child;
    if (this.alive) {
      child?.kill('SIGCONT');
      child?.kill(signal);
    }
    const impatience = setTimeout(() => child?.kill('SIGKILL'), graceMs);
    await this.#running;
    clearTimeout(impatience);
  }

  async #keepRunning(): Promise<void> {
    while (!this.#stopping) {
      await this.#live();
      if (this.#stopping) return;
      this.plan.beforeRestart?.();
      await pause(RESTART_AFTER_MS);
    }
  }

  async #live(): Promise<void> {
    const { plan } = this;
    const log = openSync(plan.logFile, 'a');
    const child = spawn(plan.command, [...plan.args], {
      cwd: plan.cwd,
      env: plan.env(),
      stdio: ['ignore', log, 'pipe'],
    });
    closeSync(log);
    this.#child = child;
    this.#killedBy = undefined;
    this.#up = plan.port === undefined;
    living.add(child);
    if (plan.port !== undefined) void this.#awaitUp(child, plan.port);
    const failpoint = watchStandardError(child, plan.logFile);
    await once(child, 'close');
    living.delete(child);
    this.endings.push(this.#explain(child, failpoint.hit));
  }

  async #awaitUp(child: ChildProcess, port: number): Promise<void> {
    while (child.exitCode === null && child.signalCode === null) {
      if (await isListening(port)) {
        this.#up = true;
        return;
      }
      await pause(LOOK_AGAIN_MS);
    }
  }

  #explain(child: ChildProcess, failpoint: string | undefined): Ending {
    const ending = { process: this.plan.name, kind: this.plan.kind };
    if (failpoint !== undefined) return { ...ending, by: 'failpoint', what: failpoint };
    const what = child.signalCode ?? `exit ${child.exitCode}`;
    return { ...ending, by: this.#killedBy ?? 'itself', what };
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Copies standard error into the log and remembers the failpoint it names. */
function watchStandardError(child: ChildProcess, logFile: string): { hit: string | undefined } {
  const found: { hit: string | undefined } = { hit: undefined };
  if (child.stderr === null) return found;
  const log = openSync(logFile, 'a');
  const lines = createInterface({ input: child.stderr });
  lines.on('line', (line) => {
    found.hit ??= FAILPOINT_LINE.exec(line)?.[1];
    writeSync(log, `${line}\n`);
  });
  lines.on('close', () => closeSync(log));
  return found;
}
