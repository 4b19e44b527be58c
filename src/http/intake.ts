/**
 * The door for senders: POST /webhooks/<source> and POST /events.
 *
 * In this order: known source, credentials, pressure, body, urgency under pressure, JSON, the source's own map, append,
 * 202. What is refused with 4xx after the credentials were right is kept in the quarantine.
 */
import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { type ErrorCode, StoreError, TocsinError } from '../errors.js';
import type { NormalisationSettings, Source } from '../ports/source.js';
import type { AppendDraft } from '../ports/store.js';
import { type Admission, admission, type AdmissionLimits, admits, urgencyOf } from './admission.js';
import { sourceVerifier, type Verifier } from './credentials.js';
import type { HttpDeps } from './deps.js';
import { parseBody } from './json-guard.js';
import { createLoadMeter, type LoadMeter } from './load-meter.js';
import { guardMethods } from './method-guard.js';
import { splitInput } from './partition.js';
import { BodyFault, sendProblem } from './problem.js';
import { keepInQuarantine } from './quarantine.js';
import { EMPTY_BODY, type RawBody, readRawBody } from './raw-body.js';

/** The source that also answers at /events. */
const EVENTS_SOURCE = 'events';
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i;

interface OpenSource {
  readonly name: string;
  readonly source: Source;
  readonly verifier: Verifier | undefined;
}

/** What is known of one request on its way through. */
interface Visit {
  readonly source: OpenSource;
  readonly startedAt: number;
  readonly decision: Admission;
  /** Bytes counted as held for it. */
  bytes: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    visit: Visit | null;
  }
}

export function registerIntake(app: FastifyInstance, deps: HttpDeps): void {
  const { config, metrics } = deps;
  const limits = config.http.limits;
  const sources = openSources(deps);
  const meter = createLoadMeter(
    () => deps.health(),
    () => deps.clock.now(),
  );
  const thresholds: AdmissionLimits = {
    inFlight: limits.in_flight,
    bytesInFlight: limits.in_flight_bytes,
    lag: limits.lag,
  };
  const accept = createAcceptor(deps, meter);

  app.decorateRequest('visit', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, payload, done) => {
    const { visit } = request;
    const grow = (bytes: number) => {
      if (visit !== null) visit.bytes += bytes;
      meter.addBytes(bytes);
    };
    readRawBody(payload, limits.body, grow, (error, body) => done(error, body));
  });

  const enter = (request: FastifyRequest, reply: FastifyReply, name: string): void => {
    const source = sources.get(name);
    if (source === undefined) {
      const known = [...sources.keys()].join(', ') || 'none';
      throw new TocsinError(
        'TOCSIN_UNKNOWN_SOURCE',
        `no source ${JSON.stringify(name.slice(0, 64))} is configured; configured: ${known}`,
      );
    }
    const startedAt = performance.now();
    reply.raw.once('close', () => {
      metrics.requests.inc({ source: name, code: String(reply.statusCode) });
      if (request.visit === null) return;
      meter.leave();
      meter.addBytes(-request.visit.bytes);
      metrics.intakeSeconds.observe((performance.now() - startedAt) / 1000);
    });
    if (source.verifier !== undefined && !source.verifier.accepts(request.headers.authorization)) {
      void reply.header('www-authenticate', source.verifier.challenge);
      throw new TocsinError(
        'TOCSIN_UNAUTHENTICATED',
        `the source ${name} asks for credentials (sources.${name}.auth), and these are missing or wrong`,
      );
    }
    const decision = admission(meter.read(), thresholds);
    refuseIfNot(deps, decision);
    const visit: Visit = { source, startedAt, decision, bytes: 0 };
    request.visit = visit;
    meter.enter();
  };

  const deliver = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { visit } = request;
    if (visit === null) throw new TocsinError('TOCSIN_INTERNAL', 'a request reached the handler unannounced');
    const raw = (request.body as RawBody | null | undefined) ?? EMPTY_BODY;
    try {
      const answer = await accept(visit, raw, request.headers);
      return await reply.code(202).type('application/json').send(answer);
    } catch (error) {
      if (!(error instanceof BodyFault)) throw error;
      await keepInQuarantine(deps, { source: visit.source.name, remote: request.ip, fault: error, raw });
      if (raw.tooLarge) void reply.header('connection', 'close');
      return sendProblem(reply, error);
    }
  };

  const door = (url: string, nameOf: (request: FastifyRequest) => string) => {
    app.post(url, {
      onRequest: (request, reply, done) => {
        enter(request, reply, nameOf(request));
        done();
      },
      handler: deliver,
    });
    guardMethods(app, url, 'POST');
  };
  door('/webhooks/:source', (request) => (request.params as { source: string }).source);
  door('/events', () => EVENTS_SOURCE);

  const gauges = setInterval(() => {
    const load = meter.read();
    metrics.inFlight.set(load.inFlight);
    metrics.inFlightBytes.set(load.bytesInFlight);
    metrics.eventLoopDelay.set(load.eventLoopDelayMs / 1000);
  }, 1_000).unref();
  app.addHook('onClose', () => {
    clearInterval(gauges);
    meter.close();
  });
}

function openSources(deps: HttpDeps): ReadonlyMap<string, OpenSource> {
  return new Map(
    Object.entries(deps.config.sources).map(([name, { type, auth }]) => {
      const source = deps.sources[type];
      if (source === undefined)
        throw new TocsinError('TOCSIN_CONFIG_INVALID', `sources.${name}.type: nothing reads ${type}`);
      return [name, { name, source, verifier: sourceVerifier(auth) }];
    }),
  );
}

/** 503 before the body is read: stopping, a store that takes no writes, or too much of something. */
function refuseIfNot(deps: HttpDeps, decision: Admission): void {
  if (deps.stopping()) {
    deps.metrics.shed.inc({ reason: 'stopping' });
    throw new TocsinError(
      'TOCSIN_SHUTTING_DOWN',
      'this replica is stopping; send it again, to another one if there is one',
    );
  }
  const store = deps.health()?.store;
  if (store?.writable === false) {
    deps.metrics.shed.inc({ reason: 'store' });
    throw new StoreError(`nothing can be stored now: ${store.problem ?? 'the store takes no writes'}`);
  }
  if (decision.least === 'nothing') throw overloaded(deps, decision);
}

function overloaded(deps: HttpDeps, { least, reason = 'in-flight' }: Admission): TocsinError {
  deps.metrics.shed.inc({ reason });
  const taken = least === 'nothing' ? 'nothing is taken' : `only ${least} alerts are taken`;
  return new TocsinError('TOCSIN_OVERLOADED', `${taken} at the moment (${reason}); send it again in a few seconds`);
}

type Acceptor = (visit: Visit, raw: RawBody, headers: FastifyRequest['headers']) => Promise<string>;

/** Body -> entries on disk -> the text of the answer. Throws BodyFault for what cannot be used. */
function createAcceptor(deps: HttpDeps, meter: LoadMeter): Acceptor {
  const { config, metrics, clock } = deps;
  const { limits } = config.http;
  const settings: NormalisationSettings = {
    names: config.normalise.names,
    identityDrop: config.normalise.identity_drop,
    exporterJobs: config.normalise.exporter_jobs,
    serviceLabels: config.normalise.service_labels,
  };

  return async (visit, raw, headers) => {
    const { name, source } = visit.source;
    if (raw.tooLarge) {
      throw new BodyFault('TOCSIN_BODY_TOO_LARGE', `the body is larger than ${limits.body} bytes (http.limits.body)`);
    }
    requireJson(headers);
    if (
      visit.decision.least !== 'info' &&
      !admits(visit.decision, urgencyOf(raw.bytes.toString('latin1'), config.severity_map))
    ) {
      throw overloaded(deps, visit.decision);
    }
    const body = parseBody(raw.bytes, limits.depth);
    const reading = source.read({ source: name, body, receivedAt: clock.now(), settings });
    if (!reading.ok) throw new BodyFault('TOCSIN_BODY_INVALID', reading.problem, reading.path);
    for (const mark in reading.marks) countMark(deps, name, mark, reading.marks[mark] ?? 0);

    const repeat =
      reading.retryLane === undefined ? {} : { retryLane: reading.retryLane, digest: hash('sha1', raw.bytes) };
    const drafts: AppendDraft[] = [];
    for (const input of reading.inputs) {
      for (const part of splitInput(input, config.partitions)) drafts.push({ ...part, ...repeat });
    }
    if (drafts.length === 0) return '{"accepted":0,"entries":[]}';
    const end = metrics.appendSeconds.startTimer();
    const receipts = await deps.log.append(drafts);
    end();
    let absorbed = false;
    receipts.forEach((receipt, index) => {
      absorbed ||= receipt.absorbed;
      meter.noteReceipt(drafts[index]?.partition ?? 0, receipt);
    });
    if (absorbed) metrics.deliveriesAbsorbed.inc({ source: name });
    const accepted = countAccepted(deps, name, drafts);
    return JSON.stringify({ accepted, entries: receipts.map((receipt) => receipt.id) });
  };
}

function requireJson(headers: FastifyRequest['headers']): void {
  const fail = (problem: string, code: ErrorCode = 'TOCSIN_UNSUPPORTED_MEDIA_TYPE') => new BodyFault(code, problem);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw fail(`content-encoding ${encoding.slice(0, 40)} is not read; send the body as it is`);
  const type = headers['content-type'];
  if (type === undefined) throw fail('the content-type is missing; send application/json');
  if (type !== 'application/json' && !JSON_TYPE.test(type)) {
    throw fail(`content-type ${JSON.stringify(type.slice(0, 80))} is not read; send application/json in UTF-8`);
  }
}

function countMark({ metrics }: HttpDeps, source: string, mark: string, times: number): void {
  if (mark === 'starts_in_future') metrics.clockClamped.inc({ source }, times);
  else metrics.marks.inc({ source, mark }, times);
}

/** Alerts and events in the drafts, counted for the metrics as well. */
function countAccepted({ metrics }: HttpDeps, source: string, drafts: readonly AppendDraft[]): number {
  let firing = 0;
  let resolved = 0;
  let events = 0;
  for (const { input } of drafts) {
    if (input.kind === 'event') events += 1;
    if (input.kind !== 'alerts') continue;
    for (const alert of input.alerts) {
      if (alert.status === 'firing') firing += 1;
      else resolved += 1;
    }
    if (input.truncated !== undefined) metrics.alertsTruncated.inc({ source }, input.truncated);
  }
  if (firing > 0) metrics.alertsReceived.inc({ source, status: 'firing' }, firing);
  if (resolved > 0) metrics.alertsReceived.inc({ source, status: 'resolved' }, resolved);
  if (events > 0) metrics.eventsReceived.inc({ source }, events);
  return firing + resolved + events;
}
