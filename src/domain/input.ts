/**
 * The entries of the input log: everything that can change what the engine knows.
 *
 * An entry is `{v, kind, ...}` as JSON in one stream field; its id `<ms>-<seq>` is given by Redis at the append, and
 * `<ms>` is the only clock the engine has. Entries are self-contained: replaying them needs no configuration of the
 * sources, because normalisation happened before the append.
 */
import type { AlertUpdate, ChangeEvent } from './alert.js';

/** Version of the entry encoding. A reader accepts its own and older versions. */
export const INPUT_VERSION = 1;

export interface AlertsInput {
  readonly kind: 'alerts';
  /** The configured name of the source, e.g. `alertmanager`. */
  readonly source: string;
  readonly alerts: readonly AlertUpdate[];
  /** How many alerts the sender says it left out (Alertmanager `truncatedAlerts`); they are still firing. */
  readonly truncated?: number;
  /** Set on an entry that an operator sent again from the dead-letter stream. */
  readonly redriveOf?: string;
}

export interface EventInput {
  readonly kind: 'event';
  readonly source: string;
  readonly event: ChangeEvent;
  readonly redriveOf?: string;
}

/** What became of an effect (a notification): written by the worker together with the proof in the outbox. */
export interface ResultInput {
  readonly kind: 'result';
  readonly effect: string;
  readonly incident: string;
  readonly outcome: 'sent' | 'skipped' | 'failed';
  /** Why it was skipped or failed; on `sent`, what the receiver answered. */
  readonly reason: string;
  readonly attempts: number;
  /** What the receiver called it (Slack channel and ts, PagerDuty dedup key), for later updates of the same message. */
  readonly ref?: Readonly<Record<string, string>>;
}

/** Time passed: fires the engine's due timers. Written by the owner when a timer is due and nothing else arrived. */
export interface TickInput {
  readonly kind: 'tick';
}

/** An entry that could not be applied and was moved to the dead-letter stream: we page about ourselves. */
export interface PoisonInput {
  readonly kind: 'poison';
  readonly entry: string;
  readonly error: string;
}

export type Input = AlertsInput | EventInput | ResultInput | TickInput | PoisonInput;

export function encodeInput(input: Input): string {
  return JSON.stringify({ v: INPUT_VERSION, ...input });
}

export class UndecodableInput extends Error {}

/** The reverse of encodeInput. Throws UndecodableInput for anything this version cannot read. */
export function decodeInput(text: string): Input {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new UndecodableInput(`entry is not JSON: ${(error as Error).message}`);
  }
  const entry = raw as { v?: unknown; kind?: unknown } | null;
  if (typeof entry !== 'object' || entry === null || typeof entry.v !== 'number') {
    throw new UndecodableInput('entry has no version');
  }
  if (entry.v > INPUT_VERSION) {
    throw new UndecodableInput(`entry has version ${entry.v}, this program reads up to ${INPUT_VERSION}`);
  }
  if (!['alerts', 'event', 'result', 'tick', 'poison'].includes(entry.kind as string)) {
    throw new UndecodableInput(`entry has the unknown kind ${JSON.stringify(entry.kind)}`);
  }
  return raw as Input;
}

/** Milliseconds of a stream id `<ms>-<seq>`. */
export function streamTime(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}
