/** A PagerDuty that keeps what it accepted: POST /v2/enqueue over https, validation as the real one, alerts by dedup key. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSelfSigned, type SelfSigned } from './certificate.js';
import { answerActed, answerJson, completeFaults, drawFault, readBody, type Faults } from './faults.js';
import { Journal } from './journal.js';

export interface PagerDutyEntry {
  readonly kind: 'pagerduty';
  /** When it was accepted, ms. */
  readonly at: number;
  readonly routing_key: string;
  readonly event_action: string;
  readonly dedup_key: string;
  readonly summary: string;
  /** From custom_details: id of our effect, and whom it is for. */
  readonly effect?: string;
  readonly role?: string;
}

export interface PagerDutyAlert {
  status: 'triggered' | 'resolved';
  triggers: number;
  resolves: number;
}

export interface FakePagerDutyOptions extends Partial<Faults> {
  readonly port?: number;
  readonly journal?: string;
  readonly tls?: SelfSigned;
  /** Answers instead of everything else, for the tests of single status codes. */
  readonly answer?: (body: string, response: ServerResponse) => boolean;
}

export interface FakePagerDuty {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly server: string;
  /** PEM to trust. */
  readonly ca: string;
  readonly journal: Journal<PagerDutyEntry>;
  /** routing key and dedup key -> what the receiver shows: a trigger after the resolve opens a new alert. */
  readonly alerts: ReadonlyMap<string, PagerDutyAlert>;
  /** May be changed while it runs. */
  readonly faults: Faults;
  readonly requests: () => number;
  stop(): Promise<void>;
}

export async function startFakePagerDuty(options: FakePagerDutyOptions = {}): Promise<FakePagerDuty> {
  const faults = completeFaults(options);
  const journal = new Journal<PagerDutyEntry>(options.journal);
  const alerts = new Map<string, PagerDutyAlert>();
  for (const entry of journal.entries) applyEntry(alerts, entry);
  const tls = options.tls ?? createSelfSigned(Date.now());
  let requests = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    requests += 1;
    if (options.answer?.(body, response) === true) return;
    if (request.method !== 'POST' || request.url !== '/v2/enqueue') return answerJson(response, 404, {});
    const fault = drawFault(faults);
    if (fault === 'fail') return answerJson(response, 500, { status: 'error', message: 'Internal Server Error' });
    if (fault === 'limit') {
      return answerJson(response, 429, { message: 'Request Limit Exceeded' }, { 'retry-after': '1' });
    }
    const { entry, errors } = readEvent(body);
    if (entry === undefined) {
      return answerJson(response, 400, { status: 'invalid event', message: 'Event object is invalid', errors });
    }
    journal.add(entry);
    applyEntry(alerts, entry);
    answerActed(response, fault, faults, () =>
      answerJson(response, 202, { status: 'success', message: 'Event processed', dedup_key: entry.dedup_key }),
    );
  }

  const server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    server: `127.0.0.1:${port}`,
    ca: tls.cert,
    journal,
    alerts,
    faults,
    requests: () => requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function applyEntry(alerts: Map<string, PagerDutyAlert>, entry: PagerDutyEntry): void {
  const key = `${entry.routing_key} ${entry.dedup_key}`;
  const alert = alerts.get(key) ?? { status: 'resolved', triggers: 0, resolves: 0 };
  alerts.set(key, alert);
  if (entry.event_action === 'trigger') {
    alert.status = 'triggered';
    alert.triggers += 1;
  } else {
    alert.status = 'resolved';
    alert.resolves += 1;
  }
}

interface RawEvent {
  readonly routing_key?: unknown;
  readonly event_action?: unknown;
  readonly dedup_key?: unknown;
  readonly payload?: {
    readonly summary?: unknown;
    readonly source?: unknown;
    readonly severity?: unknown;
    readonly custom_details?: { readonly notification?: unknown; readonly role?: unknown };
  };
}

/** The checks that the real API makes, as far as they concern what we send. */
function readEvent(body: string): { entry?: PagerDutyEntry; errors: string[] } {
  let raw: RawEvent;
  try {
    raw = JSON.parse(body) as RawEvent;
  } catch {
    return { errors: ['invalid JSON'] };
  }
  const { routing_key: key, event_action: action, dedup_key: dedup, payload } = raw;
  const summary = payload?.summary;
  const errors: string[] = [];
  if (typeof key !== 'string' || key.length !== 32) errors.push("'routing_key' is invalid");
  if (!['trigger', 'acknowledge', 'resolve'].includes(String(action))) errors.push("'event_action' is invalid");
  if (typeof dedup !== 'string' || dedup === '' || dedup.length > 255) errors.push("'dedup_key' is invalid");
  if (typeof summary !== 'string' || summary === '' || Array.from(summary).length > 1024) {
    errors.push("'payload.summary' is missing, blank or too long");
  }
  if (typeof payload?.source !== 'string' || payload.source === '') errors.push("'payload.source' is missing or blank");
  if (!['critical', 'error', 'warning', 'info'].includes(String(payload?.severity))) {
    errors.push("'payload.severity' is invalid");
  }
  if (Buffer.byteLength(body) > 512 * 1024) errors.push('the event is too large');
  if (errors.length > 0) return { errors };
  const { notification, role } = payload?.custom_details ?? {};
  return {
    errors,
    entry: {
      kind: 'pagerduty',
      at: Date.now(),
      routing_key: String(key),
      event_action: String(action),
      dedup_key: String(dedup),
      summary: String(summary),
      ...(typeof notification === 'string' && { effect: notification }),
      ...(typeof role === 'string' && { role }),
    },
  };
}
