/**
 * The configuration: every key, its form, its default and its description. Nothing else in the program knows a default,
 * and docs/configuration.md is written from here.
 *
 * Keys keep the names that they have in the file. Durations are milliseconds and sizes are bytes in the result.
 */
import { z } from 'zod';

import { SEVERITIES, type Severity } from '../domain/severity.js';
import { DEFAULT_MATRIX, type Matrix, type MatrixCell } from '../notify/matrix.js';
import { DEFAULT_EXPORTER_JOBS, DEFAULT_SEVERITY_MAP, NAME_PATTERN } from './vocabulary.js';
import { duration, httpUrl, listenAddress, secret, size, textOrSecret } from './scalars.js';
import type { Secret, SecretReference } from './secret.js';

const SECOND = 1_000;
const labelName = z.string().min(1).max(256);
const name = z.string().regex(NAME_PATTERN, 'must be a name of lower-case letters, digits and -, e.g. alertmanager-eu');
const severity = z.enum(SEVERITIES);

const http = z.strictObject({
  listen: listenAddress()
    .prefault('127.0.0.1:9911')
    .describe('Where the daemon listens. Beyond loopback, every source must name its `auth` and the API its tokens.'),
  external_url: httpUrl()
    .optional()
    .describe(
      'The address under which people reach the daemon; links in notifications begin with it. Default: `http://` and `listen`.',
    ),
  limits: z
    .strictObject({
      body: size(1024)
        .prefault('16MiB')
        .describe(
          'Largest body of a request; a larger one is answered 413. It decides how many alerts one webhook can hold: about 20,000.',
        ),
      depth: z
        .int()
        .min(4)
        .max(512)
        .default(32)
        .describe('Deepest nesting of objects and lists in a body; deeper is answered 400.'),
      in_flight: z
        .int()
        .min(1)
        .max(100_000)
        .default(2_000)
        .describe('Requests worked on at the same time; beyond, 503 (the last fifth is kept for critical alerts).'),
      in_flight_bytes: size(1024 ** 2)
        .prefault('256MiB')
        .describe('Bytes of the bodies held at the same time; beyond, 503.'),
      connections: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe('Open connections; further ones are closed at once.'),
      lag: z.int().min(1).default(20_000).describe('Entries of a partition that wait for the engine; beyond, 503.'),
      request_timeout: duration({ min: SECOND, max: 300 * SECOND })
        .prefault('10s')
        .describe('A request must have arrived whole within this time, else 408.'),
      headers_timeout: duration({ min: SECOND, max: 300 * SECOND })
        .prefault('5s')
        .describe('Its headers must have arrived within this time.'),
    })
    .prefault({})
    .describe('What protects the intake from too much at once.'),
});

const api = z.strictObject({
  tokens: z
    .array(secret())
    .max(16)
    .default([])
    .describe(
      'Bearer tokens that may read the API. None: the API is open to whoever reaches the port, and only a loopback `listen` is accepted.',
    ),
  allow_unauthenticated: z
    .boolean()
    .default(false)
    .describe('Says that an API without tokens on a reachable port is meant (a proxy in front authenticates).'),
});

const redis = z.strictObject({
  url: textOrSecret()
    .optional()
    .describe(
      'Redis or Valkey: `redis://[user:password@]host:port/db`, `rediss://` for TLS, or a unix socket path. None: the daemon starts its own (`embedded`).',
    ),
  queue_url: textOrSecret()
    .optional()
    .describe(
      'A second Redis for the queue that carries notifications to the workers. Nothing in it is a record, so it needs no persistence, and pages wait for fewer fsyncs. None: with `url` the same Redis, else the daemon starts one.',
    ),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, _ . -')
    .default('tocsin')
    .describe('First part of every key.'),
  durability: z
    .enum(['strict', 'accept-loss'])
    .default('strict')
    .describe(
      '`strict` refuses a Redis that may lose what it accepted (AOF not `always`, eviction). `accept-loss` starts anyway and shows it everywhere.',
    ),
  embedded: z
    .strictObject({
      dir: z.string().min(1).default('.tocsin/redis').describe('Data folder of the embedded server.'),
      program: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Server program. Default: `valkey-server` or `redis-server` from the PATH, then `.tocsin/server/bin`.',
        ),
    })
    .prefault({})
    .describe('The server that the daemon starts when there is no `url`.'),
});

const partitions = z.strictObject({
  count: z
    .int()
    .min(1)
    .max(16)
    .default(1)
    .describe('Partitions of the input log, 1 to 16. One is right until one owner cannot keep up.'),
  by: z
    .array(labelName)
    .min(1)
    .default(['cluster'])
    .describe(
      'The hash of the first of these labels that an alert has chooses its partition; alerts of different partitions are never correlated.',
    ),
});

const auth = z.union(
  [
    z.literal('none'),
    z.strictObject({ bearer: z.array(secret()).min(1).max(2).describe('One token, or two while they are exchanged.') }),
    z.strictObject({
      basic: z
        .array(
          z.strictObject({
            username: z.string().min(1).describe('Name of the user.'),
            password: secret().describe('Password of that user.'),
          }),
        )
        .min(1)
        .max(4)
        .describe('User names and passwords.'),
    }),
  ],
  { error: 'must be none, {bearer: [secret]} or {basic: [{username, password: secret}]}' },
);

const source = z.strictObject({
  type: z.enum(['alertmanager', 'events']).describe('What the sender speaks.'),
  auth: auth
    .optional()
    .describe(
      'How the sender proves who it is. Absent: accepted on loopback only, and reported as unauthenticated. `none` says that it is meant.',
    ),
});

const normalise = z.strictObject({
  names: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe('Renames alerts at the door: `KubeNodeNotReady: NodeNotReady`.'),
  identity_drop: z
    .array(labelName)
    .default(['replica', 'prometheus_replica', 'prometheus'])
    .describe('Labels that tell replicas of a sender apart; they never take part in the identity of an alert.'),
  exporter_jobs: z
    .array(labelName)
    .default([...DEFAULT_EXPORTER_JOBS])
    .describe(
      'Values of `job` whose service, job, instance and endpoint labels describe the exporter; those labels are dropped.',
    ),
  service_labels: z
    .array(labelName)
    .min(1)
    .default(['service', 'app', 'app_kubernetes_io_name', 'workload', 'deployment'])
    .describe('The first of these labels that an alert has becomes its `service`.'),
});

const engine = z.strictObject({
  flap_window: duration()
    .prefault('2m')
    .describe('An alert that fires again within this time after its end was never over.'),
  reorder_window: duration()
    .prefault('1m')
    .describe('An end that a later firing contradicts after this time was false.'),
  lateness: duration().prefault('10m').describe('How long after an incident’s window late evidence still counts.'),
  stale_after: duration({ min: 60 * SECOND })
    .prefault('8h5m')
    .describe(
      'An alert without word for this time is over. Twice the `repeat_interval` of Alertmanager and one `group_interval`.',
    ),
  skew: duration().prefault('1m').describe('How far clocks may differ; loosens comparisons of order, never a window.'),
  max_age: duration()
    .prefault('24h')
    .describe('An alert that has been firing longer is no evidence for something new.'),
  resolve_after: duration()
    .prefault('5m')
    .describe('All alerts of an incident must be over for this time before it is resolved.'),
  reopen_within: duration()
    .prefault('30m')
    .describe('A resolved incident whose alert returns within this time opens again.'),
  attach_window: duration()
    .prefault('2h')
    .describe('How long after the last activity an alert with the same key joins an open incident.'),
  lease_ttl: duration({ min: SECOND, max: 300 * SECOND })
    .prefault('10s')
    .describe('How long a partition waits for its owner before another replica takes it.'),
  batch: z.int().min(1).max(1_000).default(128).describe('Entries of one commit at most.'),
  max_series: z.int().min(1_000).default(1_000_000).describe('Alert series a partition remembers at most.'),
});

const matrixCell = z
  .strictObject({
    channels: z.array(name).min(1).describe('Where: `pagerduty`, `slack`, … A channel without a sink goes to the log.'),
    delay: duration().prefault('0s').describe('How long after the decision; the incident is looked at again then.'),
  })
  .transform(({ channels, delay }): MatrixCell => ({ channels, delayMs: delay }));

const notify = z.strictObject({
  expire_after: duration({ min: 60 * SECOND })
    .prefault('24h')
    .describe('A notification that could not be delivered for this time ends as failed, visibly.'),
  matrix: z
    .partialRecord(severity, z.record(name, matrixCell))
    .prefault({})
    .transform((own): Matrix => ({ ...DEFAULT_MATRIX, ...own }))
    .describe(
      'Who is told through what, by severity and role. A severity given here replaces that row of the default.',
    ),
});

const sinks = z.strictObject({
  pagerduty: z
    .strictObject({
      routing_keys: z
        .record(name, secret())
        .describe('Events v2 routing key of each role; `default` serves the others.'),
      server: z.string().min(1).optional().describe('`host:port` instead of events.pagerduty.com.'),
      ca_file: z.string().min(1).optional().describe('PEM file of the authority that signed the server’s certificate.'),
    })
    .optional()
    .describe('PagerDuty Events v2.'),
  slack: z
    .strictObject({
      token: secret().describe('Bot token (xoxb-…) with chat:write.'),
      channels: z.record(name, z.string().min(1)).describe('Slack channel of each role; `default` serves the others.'),
      api_url: httpUrl().optional().describe('Instead of https://slack.com/api.'),
    })
    .optional()
    .describe('Slack, by the web API.'),
});

const workers = z.strictObject({
  concurrency: z
    .int()
    .min(1)
    .max(1_000)
    .default(64)
    .describe('Notifications delivered at the same time by one replica.'),
  claim_ttl: duration({ min: SECOND })
    .prefault('30s')
    .describe('How long a worker may hold a notification before it is looked at again.'),
  visibility: duration({ min: SECOND })
    .prefault('30s')
    .describe('How long a notification handed to the queue waits before it is handed out again.'),
  retry: z
    .strictObject({
      first: duration({ min: 100 }).prefault('1s').describe('Pause before the second attempt; it doubles from there.'),
      max: duration({ min: 100 }).prefault('5m').describe('Longest pause.'),
    })
    .prefault({})
    .describe('Attempts after a failure that may pass.'),
});

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least severe level that is written.'),
  format: z.enum(['json', 'pretty']).default('json').describe('`pretty` is for a terminal.'),
});

/** The whole file. Input: the document as YAML gives it. */
export const configSchema = z.strictObject({
  http: http.prefault({}).describe('The door for senders, people and probes.'),
  api: api.prefault({}).describe('Who may read incidents.'),
  redis: redis.prefault({}).describe('The durable store.'),
  partitions: partitions.prefault({}).describe('How the input log is divided.'),
  sources: z
    .record(name, source)
    .prefault({ alertmanager: { type: 'alertmanager' }, events: { type: 'events' } })
    .describe('Senders by name; each has the address `/webhooks/<name>`, and the one named `events` also `/events`.'),
  rules: z
    .strictObject({
      files: z
        .array(z.string().min(1))
        .default(['correlation-rules/*.yaml'])
        .describe('Rule files, with `*` in the last part of the path.'),
    })
    .prefault({})
    .describe('Correlation rules.'),
  normalise: normalise.prefault({}).describe('How labels of different senders are brought to one form.'),
  engine: engine
    .prefault({})
    .describe('Time windows and sizes of the engine; rules can set some of them for themselves.'),
  fallback: z
    .strictObject({
      by: z
        .array(labelName)
        .min(1)
        .default(['env', 'region', 'cluster', 'namespace', 'service'])
        .describe('Labels that group alerts no rule explains.'),
    })
    .prefault({})
    .describe('Incidents without a rule.'),
  severity_map: z
    .record(z.string().toLowerCase(), severity)
    .prefault({})
    .transform((own): Readonly<Record<string, Severity>> => ({ ...DEFAULT_SEVERITY_MAP, ...own }))
    .describe(
      'Severity words of the senders. Words given here are added to the default ones. A missing or unknown word is P3.',
    ),
  notify: notify.prefault({}).describe('Who is told what, when.'),
  sinks: sinks.prefault({}).describe('Where notifications go. The sink `log` always exists.'),
  workers: workers.prefault({}).describe('Delivery of notifications.'),
  log: log.prefault({}).describe('The log of the daemon itself, on standard output.'),
  retention: z
    .strictObject({
      log: duration({ min: 3_600 * SECOND })
        .prefault('14d')
        .describe('How long entries of the input log are kept after they were applied.'),
    })
    .prefault({})
    .describe('How long things are kept.'),
});

type Resolved<T> = T extends SecretReference
  ? Secret
  : T extends readonly (infer Item)[]
    ? readonly Resolved<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Resolved<T[Key]> }
      : T;

/** The document after its forms were read; secrets are still references, paths still as written. */
export type ParsedConfig = z.output<typeof configSchema>;

type ResolvedConfig = Resolved<ParsedConfig>;

/** What the program works with: plain, complete, secrets in their wrapper, paths absolute. */
export type Config = Omit<ResolvedConfig, 'http'> & {
  readonly http: Omit<ResolvedConfig['http'], 'external_url'> & { readonly external_url: string };
};

export type SourceConfig = Config['sources'][string];
export type SourceAuth = NonNullable<SourceConfig['auth']>;
