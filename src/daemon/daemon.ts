/**
 * The composition root: builds what the roles of this process need, in order, and takes it down last in, first out.
 *
 * The door opens first and refuses (503, /readyz false) until the store answers, so that a Redis that is down at start is
 * the same to a sender as one that goes down later.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type { HealthSnapshot } from '../http/deps.js';
import { buildServer } from '../http/server.js';
import { SOURCES } from '../integrations/sources.js';
import { startEmbedded } from '../store/embedded.js';
import { StoreError } from '../errors.js';
import { createStore } from '../store/store.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { createDoorMetrics, createProcessMetrics, createWorkerMetrics } from '../telemetry/metrics.js';
import { renderMetrics, snapshotMetrics } from '../telemetry/exposition.js';
import { programVersion } from './version.js';

import { superviseEngine, type EngineSupervisor } from './supervisor.js';
import { describeProcess, observeHealth } from './observe.js';
import type { Preparation, Prepared, Snapshot } from './prepare.js';
import { ROLES, type Role } from './roles.js';
import { storeOptionsOf } from './store-options.js';
import { Signal } from './signal.js';
import { startWorkerRole, type WorkerRole } from './worker-role.js';

export interface DaemonOptions {
  readonly snapshot: Snapshot;
  readonly prepared: Prepared;
  readonly roles: ReadonlySet<Role>;
  /** Text of TOCSIN_FAILPOINTS, handed on to the engine thread. */
  readonly failpoints?: string | undefined;
  /** Reads and checks the files again, for a reload. Absent: this daemon cannot reload. */
  readonly reread?: () => Preparation;
}

export interface Daemon {
  /** `http://host:port` of the door. */
  readonly address: string;
  /** Resolves when the store was verified and this process's roles run. Rejects after `ms`, or with the reason it cannot start. */
  ready(ms: number): Promise<void>;
  /** Reads the rules again; any problem keeps the old set. Resolves to the problems. */
  reload(): Promise<readonly string[]>;
  /** Resolves with the error when the daemon cannot go on. */
  readonly failed: Promise<Error>;
  /** Finishes what is in hand and closes everything, last in, first out. */
  stop(): Promise<void>;
}

const VERIFY_EVERY_MS = 1_000;
const HEALTH_EVERY_MS = 1_000;
/** Senders wait for the first look that finds the store well again. */
const HEALTH_EVERY_MS_WHILE_DOWN = 200;
/** What a stop may take of the 10 s that an orchestrator gives us. */
const STOP_DOOR_MS = 2_000;
const STOP_WORKERS_MS = 3_000;
const STOP_ENGINE_MS = 3_000;
/** The engine thread is taken to spin after this long without a beat; a large load or collection is shorter. */
const STALL_MS = 10_000;

/** Starts the roles. Resolves when the door is open; the store may still be on its way (see ready()). */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config } = options.prepared;
  const replica = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const logger = createLogger(config.log).child({ replica });
  const releases: { name: string; release: () => Promise<void> }[] = [];
  const stopping = new Signal();
  const state: { health?: HealthSnapshot; reloadProblems: readonly string[]; verified: boolean } = {
    reloadProblems: [],
    verified: false,
  };
  let running = options.prepared;
  let snapshot = options.snapshot;
  let tolerating = false;
  let engine: EngineSupervisor | undefined;
  let workers: WorkerRole | undefined;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });

  async function stop(): Promise<void> {
    if (stopping.raised) return;
    stopping.raise();
    logger.info('stopping');
    for (const { name, release } of releases.reverse()) {
      try {
        await release();
      } catch (error) {
        logger.error({ part: name, err: error }, 'part did not stop cleanly');
      }
    }
    logger.info('stopped');
  }

  try {
    const { redisUrl, queueUrl } = await findRedis(options, logger, releases);
    const store = createStore({
      ...storeOptionsOf(config, redisUrl),
      onConflict: (partition, why) => logger.error({ partition, why }, 'commit conflict'),
    });
    releases.push({ name: 'store', release: () => store.close() });

    const registry = new Registry();
    const processMetrics = createProcessMetrics(registry);
    const workerMetrics = createWorkerMetrics(registry);
    describeProcess(processMetrics, running);

    const look = async (): Promise<void> => {
      const health = await store.health.check();
      if (health.problem !== state.health?.store.problem) {
        if (health.problem === undefined) logger.info('the store is well again');
        else logger.error({ problem: health.problem, writable: health.writable }, 'the store has a problem');
      }
      // Settings that were weakened while we run break the promise of the 202 just as at the start: nothing is accepted.
      const weakened = health.problem !== undefined && config.redis.durability === 'strict';
      state.health = { store: weakened ? { ...health, writable: false } : health, at: Date.now() };
      if (state.verified) processMetrics.redisUnsafe.set(weakened || tolerating ? 1 : 0);
      observeHealth(processMetrics, health);
    };
    const server = buildServer({
      config,
      sources: SOURCES,
      // Before the settings of Redis were checked, nothing is accepted on it.
      log: { append: (drafts) => (state.verified ? store.appender.append(drafts) : notVerified()) },
      quarantine: store.quarantine,
      incidents: store.reader,
      deadLetters: store.deadLetters,
      health: () => (state.verified ? state.health : undefined),
      status: () => ({
        version: programVersion(),
        replica,
        roles: ROLES.filter((role) => options.roles.has(role)),
        startedAt,
        configHash: running.configHash,
        rules: {
          loaded: running.rules.rules.length,
          inert: running.rules.rules.flatMap(({ name, inert }) =>
            inert === undefined ? [] : [{ rule: name, reason: inert }],
          ),
          problems: state.reloadProblems,
        },
      }),
      stopping: () => stopping.raised,
      metrics: createDoorMetrics(registry),
      metricsText: async () => {
        await look();
        return renderMetrics([await snapshotMetrics(registry), ...((await engine?.metricsSnapshot()) ?? [])]);
      },
      logger,
      clock: { now: Date.now },
      intake: options.roles.has('intake'),
      reload,
    });
    releases.push({ name: 'door', release: () => closeDoor(server) });
    const startedAt = Date.now();
    const address = await server.listen({ host: config.http.listen.host, port: config.http.listen.port });
    logger.info({ address, roles: [...options.roles] }, 'listening');

    const verifying = verifyAndStart().catch((error: unknown) => fail(error as Error));

    async function verifyAndStart(): Promise<void> {
      while (!stopping.raised) {
        try {
          const tolerated = await store.verify();
          for (const problem of tolerated)
            logger.warn({ problem }, 'Redis may lose what it accepted (durability: accept-loss)');
          tolerating = tolerated.length > 0;
          processMetrics.redisUnsafe.set(tolerating ? 1 : 0);
          break;
        } catch (error) {
          if ((error as { code?: string }).code !== 'TOCSIN_STORE_UNAVAILABLE') throw error;
          logger.warn({ err: error }, 'Redis cannot be reached yet');
          await stopping.wait(VERIFY_EVERY_MS);
        }
      }
      if (stopping.raised) return;
      if (options.roles.has('engine')) {
        engine = superviseEngine({
          data: () => ({ snapshot, redisUrl, queueUrl, replica, failpoints: options.failpoints }),
          logger,
          stallMs: STALL_MS,
          stopMs: STOP_ENGINE_MS,
          onRestart: () => processMetrics.engineRestarts.inc(),
        });
      }
      if (options.roles.has('worker')) {
        workers = startWorkerRole({ config, queueUrl, outbox: store.outbox, logger, metrics: workerMetrics });
      }
      await look();
      state.verified = true;
    }

    const watching = (async (): Promise<void> => {
      while (!stopping.raised) {
        await look();
        await stopping.wait(state.health?.store.writable === true ? HEALTH_EVERY_MS : HEALTH_EVERY_MS_WHILE_DOWN);
      }
    })();
    releases.push({ name: 'watch', release: () => watching });
    releases.push({ name: 'engine', release: async () => engine?.stop() });
    releases.push({ name: 'workers', release: async () => workers?.close(STOP_WORKERS_MS) });
    releases.push({ name: 'start', release: () => verifying });

    async function reload(): Promise<readonly string[]> {
      const again = options.reread?.();
      if (again === undefined) return ['this daemon was not started from files'];
      if (!again.ok) {
        state.reloadProblems = again.problems;
        processMetrics.rulesReloadOk.set(0);
        logger.error({ problems: again.problems }, 'rules not reloaded, the old ones stay in use');
        return again.problems;
      }
      if (again.prepared.configHash !== running.configHash) {
        const problem = `${again.snapshot.config.label}: changes of the configuration need a restart; nothing was reloaded`;
        state.reloadProblems = [problem];
        processMetrics.rulesReloadOk.set(0);
        logger.error({ problem }, 'not reloaded');
        return [problem];
      }
      state.reloadProblems = [];
      running = again.prepared;
      snapshot = again.snapshot;
      describeProcess(processMetrics, running);
      await engine?.restart();
      logger.info({ rules: running.rules.rules.length }, 'rules reloaded');
      return [];
    }

    return {
      address: address.replace('0.0.0.0', '127.0.0.1').replace('[::]', '127.0.0.1'),
      failed,
      reload,
      stop,
      async ready(ms) {
        const deadline = Date.now() + ms;
        const broken = failed.then((error) => Promise.reject(error));
        while (!(await isReady(server))) {
          if (Date.now() > deadline) throw new Error(`the daemon is not ready after ${ms} ms`);
          await Promise.race([stopping.wait(50), broken]);
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function notVerified(): Promise<never> {
  return Promise.reject(new StoreError('Redis was not reached and checked yet; the log of the daemon says why'));
}

async function isReady(server: FastifyInstance): Promise<boolean> {
  return (await server.inject({ method: 'GET', url: '/readyz' })).statusCode === 200;
}

interface RedisPlaces {
  /** The record. */
  readonly redisUrl: string;
  /** What carries notifications to the workers; may be lost at any time. */
  readonly queueUrl: string;
}

/**
 * Where Redis is: the configured one, or servers of our own that are started here. Of our own there are two: each page
 * would wait for three more fsyncs if the queue, which is no record, were kept as carefully as the record.
 */
async function findRedis(
  options: DaemonOptions,
  logger: Logger,
  releases: { name: string; release: () => Promise<void> }[],
): Promise<RedisPlaces> {
  const { url, queue_url: queue, embedded } = options.prepared.config.redis;
  if (url !== undefined) return { redisUrl: url.reveal(), queueUrl: (queue ?? url).reveal() };
  const log = logger.child({ component: 'redis' });
  const start = async (dir: string, kind: 'durable' | 'transport'): Promise<string> => {
    const server = await startEmbedded({
      dir,
      kind,
      ...(embedded.program === undefined ? {} : { program: embedded.program }),
      onLog: (line) => log.debug({ line, kind }, 'embedded Redis'),
    });
    releases.push({ name: `embedded Redis (${kind})`, release: () => server.stop() });
    log.info({ program: server.program, dir, kind }, 'embedded Redis started');
    return server.url;
  };
  const redisUrl = await start(embedded.dir, 'durable');
  return { redisUrl, queueUrl: queue?.reveal() ?? (await start(join(embedded.dir, 'queue'), 'transport')) };
}

/** Lets requests in hand finish; a slow one does not hold up the stop. */
async function closeDoor(server: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), STOP_DOOR_MS);
  await server.close();
  clearTimeout(timer);
}
