/**
 * The "application" that Prometheus scrapes: one gauge a fault, 1 while the fault is there. The alert rules of the test fire
 * on it, so that the whole chain (scrape, rule, Alertmanager, webhook) is the real one and only the cause is made up.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Alert rules of the test and the severity label each gives. The first three are those of the shipped database_cascade. */
export const ALERTS = {
  PostgresConnectionPoolExhausted: 'critical',
  APILatencyHigh: 'warning',
  ErrorRateSpike: 'critical',
  DiskSpaceLow: 'warning',
  CertificateExpiresSoon: 'info',
} as const;

export type AlertName = keyof typeof ALERTS;

export interface Application {
  readonly port: number;
  set(alert: AlertName, service: string, present: boolean): void;
  close(): Promise<void>;
}

/** Serves the gauges on a free port of the loopback interface. */
export async function startApplication(): Promise<Application> {
  const gauges = new Map<string, 0 | 1>();
  const server = createServer((_request, response) => {
    const lines = Array.from(gauges, ([labels, value]) => `app_fault{${labels}} ${value}\n`);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(`# TYPE app_fault gauge\n${lines.join('')}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    set(alert, service, present) {
      gauges.set(
        `alert="${alert}",service="${service}",namespace="shop",cluster="eu1",env="production"`,
        present ? 1 : 0,
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
