/** What the HTTP doors need of the rest of the daemon: ports and plain getters, so that tests bring their own. */
import type { Config } from '../config/load.js';
import type { Clock } from '../ports/clock.js';
import type { Source } from '../ports/source.js';
import type { DeadLetters, IncidentReader, InputAppender, Quarantine, StoreHealth } from '../ports/store.js';
import type { Logger } from '../telemetry/logger.js';
import type { DoorMetrics } from '../telemetry/metrics.js';

/** The latest look at the store, taken by the daemon every second or so; the doors never wait for one. */
export interface HealthSnapshot {
  readonly store: StoreHealth;
  /** When it was taken, by this process's clock, ms. */
  readonly at: number;
}

/** What GET /api/v1/status tells beside the state of the partitions. */
export interface DaemonStatus {
  readonly version: string;
  readonly replica: string;
  readonly roles: readonly string[];
  readonly startedAt: number;
  readonly configHash: string;
  readonly rules: {
    readonly loaded: number;
    /** Rules that cannot match yet, and why. */
    readonly inert: readonly { readonly rule: string; readonly reason: string }[];
    /** Problems of the last reload; the set before it is still in use. */
    readonly problems: readonly string[];
  };
}

export interface HttpDeps {
  readonly config: Pick<
    Config,
    'http' | 'api' | 'sources' | 'partitions' | 'normalise' | 'engine' | 'severity_map' | 'redis'
  >;
  /** By type. */
  readonly sources: Readonly<Record<string, Source>>;
  readonly log: InputAppender;
  readonly quarantine: Quarantine;
  readonly incidents: IncidentReader;
  readonly deadLetters: DeadLetters;
  /** Undefined until the store was looked at for the first time. */
  health(): HealthSnapshot | undefined;
  status(): DaemonStatus;
  /** Reads the rules again; resolves to what is wrong with them (then the old ones stay in use), empty when they are in use. */
  reload(): Promise<readonly string[]>;
  /** True once the daemon was told to stop: nothing new is accepted. */
  stopping(): boolean;
  readonly metrics: DoorMetrics;
  /** Exposition text of all threads together. */
  metricsText(): Promise<string>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** False on a replica without the intake role: it answers probes and the API only. */
  readonly intake: boolean;
}
