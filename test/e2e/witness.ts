/**
 * What must be there, written down independently of the daemon: every episode that Alertmanager itself held, polled from its
 * API while the test runs, and when the test made each fault appear and disappear.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { AlertName, Application } from './faults.js';
import { heldAlerts, type Sender } from './senders.js';

/** One firing interval of one alert as Alertmanager knew it. */
export interface HeldEpisode {
  readonly fingerprint: string;
  readonly alert: string;
  readonly service: string;
  readonly startsAt: number;
}

export interface Witness {
  /** Makes the fault appear and resolves when Alertmanager holds the alert. */
  fire(alert: AlertName, service: string): Promise<void>;
  /** Makes the fault disappear and resolves when Alertmanager no longer holds the alert. */
  resolve(alert: AlertName, service: string): Promise<void>;
  episodes(): readonly HeldEpisode[];
  /** When the test last made the fault disappear (ms); undefined while it is there. */
  endedAt(alert: string, service: string): number | undefined;
  stop(): Promise<void>;
}

/** Faults reach Alertmanager within a scrape, an evaluation and a resend: a few seconds. */
const PROPAGATION_MS = 20_000;

export function watchAlertmanager(application: Application, alertmanager: Sender): Witness {
  const episodes = new Map<string, HeldEpisode>();
  const ended = new Map<string, number>();
  let held = new Set<string>();
  let running = true;
  async function look(): Promise<void> {
    const alerts = await heldAlerts(alertmanager);
    held = new Set(alerts.map(({ labels }) => `${labels['alertname']}/${labels['service']}`));
    for (const { fingerprint, labels, startsAt } of alerts) {
      const { alertname: alert = '', service = '' } = labels;
      episodes.set(`${fingerprint}@${startsAt}`, { fingerprint, alert, service, startsAt: Date.parse(startsAt) });
    }
  }
  const watching = (async () => {
    while (running) {
      await look().catch(() => undefined); // the next look tells
      await delay(200);
    }
  })();
  async function untilHeld(key: string, wanted: boolean): Promise<void> {
    const deadline = Date.now() + PROPAGATION_MS;
    while (held.has(key) !== wanted) {
      if (Date.now() > deadline) throw new Error(`Alertmanager ${wanted ? 'never got' : 'still holds'} ${key}`);
      await delay(100);
    }
  }
  return {
    async fire(alert, service) {
      application.set(alert, service, true);
      ended.delete(`${alert}/${service}`);
      await untilHeld(`${alert}/${service}`, true);
    },
    async resolve(alert, service) {
      application.set(alert, service, false);
      ended.set(`${alert}/${service}`, Date.now());
      await untilHeld(`${alert}/${service}`, false);
    },
    episodes: () => [...episodes.values()],
    endedAt: (alert, service) => ended.get(`${alert}/${service}`),
    async stop() {
      running = false;
      await watching;
    },
  };
}
