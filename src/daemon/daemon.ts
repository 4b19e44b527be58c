/**
 * The composition root: builds what the roles of this process need, in order, and takes it down last in, first out.
 *
 * The door opens first and refuses (503, /readyz false) until the store answers, so that a Redis that is down at start is
 * the same to a sender as one that goes down later.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config/load.js';
import { StoreError, TocsinError } from '../errors.js';
import { startEmbeddedRedis } from '../store/embedded.js';
import { createLogger, type Logger } from '../telemetry/logger.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { renderMetrics, snapshotMetrics } from '../telemetry/exposition.js';
import { CurrentEntry } from './current-entry.js';
import { startEngineRole, type EngineRole } from './engine-role.js';
import { superviseEngine, type EngineSupervisor } from './supervisor.js';
import type { Preparation, Prepared, Snapshot } from './prepare.js';
import type { Role } from './roles.js';
import { Signal } from './signal.js';

export interface DaemonOptions {
  readonly snapshot: Snapshot;
  readonly prepared: Prepared;
  readonly roles: ReadonlySet<Role>;
  /** Text of TOCSIN_FAILPOINTS, handed on to the engine thread. */
  readonly failpoints?: string | undefined;
  /** Reads and checks the files again, for a reload. Absent: this daemon cannot reload. */
  readonly reread?: () => Preparation;
}
