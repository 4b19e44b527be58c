/**
 * Whether the door takes more work. Pure: numbers in, decision out.
 *
 * Refusing happens before anything is accepted, with 503, which every sender repeats. What matters least is refused
 * first, so that in a storm the critical alerts still get through: they keep the last fifth of the slots and the last
 * tenth of the memory (less a little for the engine).
 */
export interface Load {
  readonly inFlight: number;
  readonly bytesInFlight: number;
  /** Largest number of entries any partition has waiting. */
  readonly lag: number;
  readonly eventLoopDelayMs: number;
  readonly usedMemory: number;
  /** 0: the store has no limit. */
  readonly maxMemory: number;
}

export interface AdmissionLimits {
  readonly inFlight: number;
  readonly bytesInFlight: number;
  readonly lag: number;
}

/** From what may wait to what may not. */
export const URGENCIES = ['info', 'warning', 'critical'] as const;
export type Urgency = (typeof URGENCIES)[number];

export type PressureReason = 'in-flight' | 'bytes-in-flight' | 'lag' | 'event-loop' | 'store-memory';

export interface Admission {
  /** The least urgent delivery that is taken; `nothing` refuses all. */
  readonly least: Urgency | 'nothing';
  readonly reason?: PressureReason;
}

/** From these values on: info is refused, then warning, then everything. */
type Steps = readonly [info: number, warning: number, critical: number];

const EVENT_LOOP_STEPS: Steps = [250, 500, 1_000];
/** The engine's own commits need the rest. */
const MEMORY_STEPS: Steps = [0.8, 0.85, 0.97];
const IN_FLIGHT_STEPS: Steps = [0.7, 0.8, 1];
const LAG_STEPS: Steps = [0.9, 1, 1.25];

const OPEN: Admission = { least: 'info' };
const RANK = { info: 0, warning: 1, critical: 2, nothing: 3 } as const;

export function admission(load: Load, limits: AdmissionLimits): Admission {
  const pressures: readonly [PressureReason, number, Steps][] = [
    ['in-flight', load.inFlight / limits.inFlight, IN_FLIGHT_STEPS],
    ['bytes-in-flight', load.bytesInFlight / limits.bytesInFlight, IN_FLIGHT_STEPS],
    ['lag', load.lag / limits.lag, LAG_STEPS],
    ['event-loop', load.eventLoopDelayMs, EVENT_LOOP_STEPS],
    ['store-memory', load.maxMemory === 0 ? 0 : load.usedMemory / load.maxMemory, MEMORY_STEPS],
  ];
  let strictest = OPEN;
  for (const [reason, value, [info, warning, critical]] of pressures) {
    const least = value > critical ? 'nothing' : value > warning ? 'critical' : value > info ? 'warning' : 'info';
    if (RANK[least] > RANK[strictest.least]) strictest = { least, reason };
  }
  return strictest;
}

export function admits(decision: Admission, urgency: Urgency): boolean {
  return RANK[urgency] >= RANK[decision.least];
}

const SEVERITY_WORDS = /"severity"\s*:\s*"([^"\\]{1,64})"/g;

/**
 * The most urgent severity that a body names, read off its text without parsing it: this runs only under pressure, when
 * parsing is what cannot be afforded. A body that names none counts as a warning, as an alert without severity does.
 */
export function urgencyOf(text: string, severityMap: Readonly<Record<string, string>>): Urgency {
  let urgency: Urgency | undefined;
  for (const [, word = ''] of text.matchAll(SEVERITY_WORDS)) {
    const level = Object.hasOwn(severityMap, word.toLowerCase()) ? severityMap[word.toLowerCase()] : 'P3';
    if (level === 'P0' || level === 'P1') return 'critical';
    if (level !== 'P4') urgency = 'warning';
    else urgency ??= 'info';
  }
  return urgency ?? 'warning';
}
