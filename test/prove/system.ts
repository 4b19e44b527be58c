/** The system under test as processes: Redis, replicas in every mix of roles, and the receivers of notifications. */
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startReceivers, type Receivers } from './processes/receivers.js';
import { drawFailpoints } from './processes/failpoint-draw.js';
import { findPorts } from './processes/ports.js';
import { writeReplicaConfig } from './processes/settings.js';
import { Supervised, type Ending, type ProcessKind } from './processes/supervised.js';
import type { Random } from './random.js';
import { preparePowerCut } from './storage/power-cut.js';
import { RedisServer } from './storage/redis-server.js';

export interface SystemOptions {
  readonly dir: string;
  /** Folder of the build; undefined: `dist` of this checkout. */
  readonly dist: string | undefined;
  readonly random: Random;
  readonly appendfsync: 'always' | 'everysec';
  readonly powerCuts: boolean;
  /** Engines with a commit that is split into separate steps. */
  readonly naiveCommit: boolean;
  /** Whether replicas kill themselves at failpoints. */
  readonly armed: boolean;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSX = ['--import', import.meta.resolve('tsx')];

const LAYOUT: readonly { name: string; kind: ProcessKind; roles: readonly string[] }[] = [
  { name: 'intake-1', kind: 'intake', roles: ['intake'] },
  { name: 'intake-2', kind: 'intake', roles: ['intake'] },
  { name: 'engine-1', kind: 'engine', roles: ['engine'] },
  { name: 'engine-2', kind: 'engine', roles: ['engine'] },
  { name: 'worker-1', kind: 'worker', roles: ['worker'] },
  { name: 'worker-2', kind: 'worker', roles: ['worker'] },
  { name: 'all-1', kind: 'all-in-one', roles: ['intake', 'engine', 'worker'] },
];

export class System {
  readonly redis: RedisServer;
  readonly replicas: readonly Supervised[];
  readonly receivers: Receivers;
  /** Base addresses of the replicas that take alerts. */
  readonly intakes: readonly string[];
  /** Off: replicas started from now on are not armed. */
  armed: boolean;
  readonly #options: SystemOptions;

  private constructor(
    options: SystemOptions,
    parts: Pick<System, 'redis' | 'receivers'> & { ports: readonly number[]; build: string },
  ) {
    this.#options = options;
    this.armed = options.armed;
    this.redis = parts.redis;
    this.receivers = parts.receivers;
    this.replicas = LAYOUT.map((place, index) => this.#plan(place, parts.ports[index] as number, parts.build));
    this.intakes = LAYOUT.flatMap(({ roles }, index) =>
      roles.includes('intake') ? [`http://127.0.0.1:${parts.ports[index]}`] : [],
    );
  }

  static async start(options: SystemOptions): Promise<System> {
    const { dir, random } = options;
    const build = copyBuild(dir, options.dist ?? join(ROOT, 'dist'));
    const powerCut = options.powerCuts ? { powerCut: preparePowerCut(dir) } : {};
    const redis = new RedisServer({ dir, appendfsync: options.appendfsync, ...powerCut });
    redis.start();
    (await redis.connect()).disconnect();
    const [pagerdutyPort = 0, slackPort = 0, ...ports] = await findPorts(LAYOUT.length + 2, random);
    const receivers = await startReceivers({ root: ROOT, tsx: TSX, dir, pagerdutyPort, slackPort });
    const system = new System(options, { redis, receivers, ports, build });
    for (const replica of system.replicas) replica.start();
    return system;
  }

  #plan({ name, kind, roles }: (typeof LAYOUT)[number], port: number, build: string): Supervised {
    const { dir, random, naiveCommit, appendfsync } = this.#options;
    const config = writeReplicaConfig({
      name,
      dir,
      port,
      redisSocket: this.redis.socket,
      durability: appendfsync === 'always' ? 'strict' : 'accept-loss',
      rules: join(ROOT, 'correlation-rules', 'default.yaml'),
      pagerduty: { port: this.receivers.pagerdutyPort, caFile: this.receivers.caFile },
      slack: { port: this.receivers.slackPort },
    });
    const naive = naiveCommit && kind === 'engine';
    // with the control no engine may be the real one
    const own = naiveCommit && kind === 'all-in-one' ? roles.filter((role) => role !== 'engine') : roles;
    const args = naive
      ? [...TSX, join(ROOT, 'test', 'prove', 'naive-replica.ts'), build, config]
      : [join(build, 'dist', 'main.js'), 'serve', '--config', config, '--roles', own.join(',')];
    return new Supervised({
      name,
      kind,
      command: process.execPath,
      args,
      cwd: dir,
      // the control's replicas have no door
      ...(naive ? {} : { port }),
      env: () => ({
        ...process.env,
        ...(this.armed ? { TOCSIN_FAILPOINTS: drawFailpoints(random, roles, this.failpointHits()) } : {}),
      }),
      logFile: join(dir, `${name}.log`),
    });
  }

  endings(): Ending[] {
    return [...this.replicas, ...this.receivers.processes, this.redis.process].flatMap((each) => each.endings);
  }

  failpointHits(): Map<string, number> {
    const hits = new Map<string, number>();
    for (const ending of this.endings()) {
      if (ending.by === 'failpoint') hits.set(ending.what, (hits.get(ending.what) ?? 0) + 1);
    }
    return hits;
  }

  /** The lights go out for all at once, and come back without failpoints. */
  killEverything(): void {
    this.armed = false;
    for (const each of [this.redis.process, ...this.replicas, ...this.receivers.processes]) each.kill('killer');
  }

  async stop(): Promise<void> {
    const all = [...this.replicas, ...this.receivers.processes, this.redis.process];
    await Promise.all(all.map((each) => each.stop('SIGKILL')));
  }
}

/** The replicas run a copy, so that a build during the run cannot change the program half-way. */
function copyBuild(dir: string, dist: string): string {
  if (!existsSync(join(dist, 'main.js')))
    throw new Error(`there is no ${join(dist, 'main.js')}: run \`npm run build\` first`);
  const build = join(dir, 'build');
  mkdirSync(build, { recursive: true });
  cpSync(dist, join(build, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(build, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(build, 'node_modules'));
  return build;
}
