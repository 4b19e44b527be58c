/**
 * The metric catalogue. Each role (door, engine, workers) has its own part, because the engine lives in another thread
 * with its own registry; /metrics shows them together. docs/api.md lists the same names (a test compares them).
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const PREFIX = 'tocsin_';
/** From a quick append to the longest a sender waits, seconds. */
const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** From "at once" to "something is stuck", seconds. */
const SLOW = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

function makers(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter<L>({ name: PREFIX + name, help, labelNames: [...labelNames], registers }),
    gauge: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge<L>({ name: PREFIX + name, help, labelNames: [...labelNames], registers }),
    histogram: <L extends string = never>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly L[] = [],
    ) => new Histogram<L>({ name: PREFIX + name, help, buckets, labelNames: [...labelNames], registers }),
  };
}

/** The door: senders, API. */
export function createDoorMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  return {
    alertsReceived: counter('alerts_received_total', 'Alert updates accepted, durable when counted.', [
      'source',
      'status',
    ]),
    alertsTruncated: counter('alerts_truncated_total', 'Alerts that the sender says it left out.', ['source']),
    eventsReceived: counter('events_received_total', 'Change events accepted.', ['source']),
    deliveriesAbsorbed: counter('deliveries_absorbed_total', 'Deliveries recognised as the sender’s retry.', [
      'source',
    ]),
    marks: counter('marks_total', 'Oddities of accepted input, such as an unreadable start time.', ['source', 'mark']),
    clockClamped: counter('clock_clamped_total', 'Alerts that begin in the future by our clock.', ['source']),
    requests: counter('requests_total', 'Answers of the intake by status code.', ['source', 'code']),
    shed: counter('requests_shed_total', 'Requests refused with 503 before they were read.', ['reason']),
    quarantined: counter('quarantined_total', 'Refused bodies by error code.', ['code']),
    quarantineFailed: counter('quarantine_failed_total', 'Refused bodies that could not be kept.'),
    intakeSeconds: histogram('intake_duration_seconds', 'Request in to answer out.', FAST),
    appendSeconds: histogram('append_duration_seconds', 'Append to the input log, until it is on disk.', FAST),
    inFlight: gauge('intake_requests_in_flight', 'Intake requests being worked on.'),
    inFlightBytes: gauge('intake_bytes_in_flight', 'Bytes of the bodies being worked on.'),
    eventLoopDelay: gauge('event_loop_delay_seconds', 'Longest delay of the event loop in the last second.'),
  };
}

/** The engine: one set in the thread that owns partitions. */
export function createEngineMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  return {
    entriesApplied: counter('entries_applied_total', 'Entries of the input log that were committed.'),
    commitSeconds: histogram('commit_duration_seconds', 'One commit, until it is on disk.', FAST),
    batchEntries: histogram('commit_entries', 'Entries of one commit.', COUNTS),
    leaseHeld: gauge('lease_held', '1 while this process owns the partition.', ['partition']),
    fenced: counter('fenced_total', 'Times a partition was lost to another owner while working.'),
    engineErrors: counter('engine_errors_total', 'Entries that the engine failed to decide.'),
    deadLetters: counter('dead_letters_total', 'Entries moved to the dead-letter stream.'),
    incidentsOpened: counter('incidents_opened_total', 'Incidents opened.', ['severity', 'rule']),
    incidentsLive: gauge(
      'incidents_live',
      'Incidents the engine keeps in memory: open ones and those that may open again.',
      ['partition'],
    ),
    series: gauge('series', 'Alert series remembered.', ['partition']),
    openEpisodes: gauge('episodes_open', 'Alerts firing now.', ['partition']),
  };
}

/** Delivery of notifications. */
export function createWorkerMetrics(registry: Registry) {
  const { counter, histogram } = makers(registry);
  return {
    notifications: counter('notifications_total', 'Notifications that ended, by outcome: sent, skipped, failed.', [
      'sink',
      'outcome',
    ]),
    attempts: counter(
      'notification_attempts_total',
      'Attempts to deliver, by result: ok or the reason of the failure.',
      ['sink', 'result'],
    ),
    notificationLatency: histogram('notification_latency_seconds', 'Due to delivered.', SLOW, ['sink']),
    deliverySeconds: histogram('delivery_duration_seconds', 'One attempt to deliver.', FAST, ['sink']),
  };
}

/** The process and the store, set by whoever watches them. */
export function createProcessMetrics(registry: Registry) {
  const { counter, gauge } = makers(registry);
  return {
    buildInfo: gauge('build_info', 'Always 1; the version is in the label.', ['version', 'node']),
    configInfo: gauge('config_info', 'Always 1; the hash of the configuration is in the label.', ['hash']),
    rulesLoaded: gauge('rules_loaded', 'Correlation rules in use.'),
    rulesInert: gauge('rules_inert', 'Loaded rules that cannot match yet.'),
    rulesReloadOk: gauge('rules_last_reload_successful', '1 when the last load of the rules succeeded.'),
    unauthenticatedSources: gauge('unauthenticated_sources', 'Sources that accept whoever reaches the port.'),
    storeWritable: gauge('store_writable', '1 while the store accepts writes.'),
    storeMemory: gauge('store_used_memory_bytes', 'Memory used by the store.'),
    redisUnsafe: gauge(
      'redis_unsafe',
      '1 while a store that may lose accepted alerts is tolerated (durability accept-loss).',
    ),
    partitionLag: gauge('partition_lag_entries', 'Entries appended and not yet committed.', ['partition']),
    partitionProgressAge: gauge(
      'partition_progress_age_seconds',
      'Time since the owner of the partition was last heard of.',
      ['partition'],
    ),
    outboxPending: gauge('outbox_pending', 'Notifications not ended yet, scheduled ones included.', ['partition']),
    deadLettersHeld: gauge('dead_letters', 'Entries in the dead-letter stream.', ['partition']),
    engineRestarts: counter('engine_thread_restarts_total', 'Times the engine thread ended and was started again.'),
  };
}

export type DoorMetrics = ReturnType<typeof createDoorMetrics>;
export type EngineMetrics = ReturnType<typeof createEngineMetrics>;
export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;
export type ProcessMetrics = ReturnType<typeof createProcessMetrics>;

export interface Metrics {
  readonly registry: Registry;
  readonly door: DoorMetrics;
  readonly engine: EngineMetrics;
  readonly worker: WorkerMetrics;
  readonly process: ProcessMetrics;
}

/**
 * All parts in one registry of their own. A thread that has only one role creates that part alone, on a Registry of its own.
 */
export function createMetrics(registry: Registry = new Registry()): Metrics {
  return {
    registry,
    door: createDoorMetrics(registry),
    engine: createEngineMetrics(registry),
    worker: createWorkerMetrics(registry),
    process: createProcessMetrics(registry),
  };
}
