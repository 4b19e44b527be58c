/** A source turns one delivery of a sender into inputs of the log. Pure: no clock, no I/O. */
import type { AlertsInput, EventInput } from '../domain/input.js';

/** What normalisation needs from the configuration; the same for all sources. */
export interface NormalisationSettings {
  /** Renames alert names at ingest: `KubeNodeNotReady` -> `NodeNotReady`. */
  readonly names: Readonly<Record<string, string>>;
  /** Labels that never take part in identity (HA replicas). */
  readonly identityDrop: readonly string[];
  /** `job` values whose service, job, instance and endpoint labels describe the exporter, not the affected service. */
  readonly exporterJobs: readonly string[];
  /** First label present becomes `service`. */
  readonly serviceLabels: readonly string[];
}

export interface Delivery {
  /** The configured name of the source. */
  readonly source: string;
  /** The parsed JSON body; its type is not trusted. */
  readonly body: unknown;
  /** When it arrived, by the clock of the intake, ms: for what the sender did not date. */
  readonly receivedAt: number;
  readonly settings: NormalisationSettings;
}

export type Reading =
  | {
      readonly ok: true;
      readonly inputs: readonly (AlertsInput | EventInput)[];
      /**
       * Names the stream of deliveries in which an identical body that directly follows itself is a retry and need not
       * be appended again (for Alertmanager: receiver and group key). Absent: nothing is absorbed.
       */
      readonly retryLane?: string;
      /** Oddities that were accepted, by kind, with how often: counted in the metrics. */
      readonly marks?: Readonly<Record<string, number>>;
    }
  | {
      readonly ok: false;
      /** What is wrong, with the JSON path of the first fault: `alerts[3].labels must be an object of strings`. */
      readonly path: string;
      readonly problem: string;
    };

export interface Source {
  /** E.g. `alertmanager`; the name of its folder. */
  readonly type: string;
  read(delivery: Delivery): Reading;
}
