/**
 * Who is told what when: the notification matrix, severity -> role -> channels and delay.
 * The shipped default below covers P0 to P2; P3 and P4 tell nobody, they are there to be looked at.
 */
import type { Severity } from '../domain/severity.js';

export interface MatrixCell {
  readonly channels: readonly string[];
  /** How long after the incident got this severity, ms. The worker looks at the incident again when it is over. */
  readonly delayMs: number;
}

export type Matrix = Partial<Record<Severity, Readonly<Record<string /* role */, MatrixCell>>>>;

export interface NotifySettings {
  readonly matrix: Matrix;
  /** Channel -> sink that serves it; a channel that is absent here goes to `log`. */
  readonly sinkOf: Readonly<Record<string, string>>;
  /** How long a notification that is due is retried before it ends as failed, ms. */
  readonly expireAfterMs: number;
}

const MINUTE = 60_000;

export const DEFAULT_MATRIX: Matrix = {
  P0: {
    engineering: { channels: ['pagerduty', 'slack'], delayMs: 0 },
    eng_lead: { channels: ['pagerduty', 'slack'], delayMs: 0 },
    product: { channels: ['slack', 'email'], delayMs: 0 },
    executive: { channels: ['sms', 'email'], delayMs: 5 * MINUTE },
    customer_success: { channels: ['slack', 'email'], delayMs: 15 * MINUTE },
  },
  P1: {
    engineering: { channels: ['pagerduty', 'slack'], delayMs: 0 },
    eng_lead: { channels: ['slack'], delayMs: 5 * MINUTE },
    product: { channels: ['slack'], delayMs: 15 * MINUTE },
    executive: { channels: ['email'], delayMs: 30 * MINUTE },
    customer_success: { channels: ['slack'], delayMs: 30 * MINUTE },
  },
  P2: {
    engineering: { channels: ['slack'], delayMs: 0 },
    eng_lead: { channels: ['slack'], delayMs: 30 * MINUTE },
    product: { channels: ['email'], delayMs: 60 * MINUTE },
  },
};
