/** `tocsin serve`: the daemon, until a signal. The first SIGTERM or SIGINT stops it gently, the second at once. */
import { startDaemon } from '../daemon/daemon.js';
import { mustPrepare, prepare } from '../daemon/prepare.js';
import { parseRoles } from '../daemon/roles.js';
import { armFromSpec } from '../daemon/failpoint-arming.js';
import type { CliSurroundings } from './surroundings.js';

export interface ServeOptions extends CliSurroundings {
  readonly configPath: string | undefined;
  readonly roles: string;
}

/** A stop must be over within 10 s; whatever still hangs then is ended. */
const STOP_LIMIT_MS = 9_000;

/** Resolves with the exit code when the daemon has stopped. Throws TocsinError when it cannot start. */
export async function runServe(options: ServeOptions): Promise<number> {
  const { configPath, cwd, env } = options;
  armFromSpec(env['TOCSIN_FAILPOINTS']);
  const files = { configPath, cwd, env };
  const { snapshot, prepared } = mustPrepare(prepare(files));
  // Before anything is started, so that a signal during the start is not the end of the process but of the start.
  const told = Promise.race([signal('SIGTERM'), signal('SIGINT')]);
  const reload: { run?: () => void } = {};
  process.on('SIGHUP', () => reload.run?.());
  const daemon = await startDaemon({
    snapshot,
    prepared,
    roles: parseRoles(options.roles),
    failpoints: env['TOCSIN_FAILPOINTS'],
    reread: () => prepare(files),
  });
  reload.run = () => void daemon.reload();
  const reason = await Promise.race([told, daemon.failed]);
  if (reason instanceof Error) {
    await daemon.stop();
    throw reason;
  }
  const forced = new Promise<'forced'>((resolve) => {
    setTimeout(() => resolve('forced'), STOP_LIMIT_MS);
    process.once('SIGTERM', () => resolve('forced'));
    process.once('SIGINT', () => resolve('forced'));
  });
  const outcome = await Promise.race([daemon.stop().then(() => 'stopped' as const), forced]);
  // Sockets of a Redis that is down may hold the loop open; everything that matters is done.
  process.exit(outcome === 'stopped' ? 0 : 1);
}

function signal(name: 'SIGTERM' | 'SIGINT'): Promise<string> {
  return new Promise((resolve) => process.once(name, () => resolve(name)));
}
