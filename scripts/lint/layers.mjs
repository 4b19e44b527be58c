/**
 * Who may import whom: the one table behind the lint rule `tocsin/layers` (docs/architecture.md says it in prose).
 *
 * A folder may import itself, what `uses` names, and, for types only, what `types` names. `*` is everything that does
 * not name this folder itself (`daemon`, `cli` and `main` stand on top of each other).
 */

/** @type {Record<string, {pure?: true, uses: readonly string[], types?: readonly string[]}>} */
export const LAYERS = {
  domain: { pure: true, uses: [] },
  rules: { pure: true, uses: ['domain'] },
  // It renders what sinks deliver: the shape of a notification is the port's.
  notify: { pure: true, uses: ['domain'], types: ['ports'] },
  // What the engine writes has the shapes that the store takes.
  engine: { pure: true, uses: ['domain', 'rules', 'notify', 'errors'], types: ['ports'] },
  ports: { uses: ['domain'] },
  errors: { uses: [] },
  failpoints: { uses: [] },
  integrations: { uses: ['domain', 'ports', 'errors', 'failpoints'] },
  store: { uses: ['domain', 'ports', 'errors', 'failpoints'] },
  // A worker looks at the incident again and renders the notification: pure, in notify/.
  queue: { uses: ['domain', 'ports', 'notify', 'errors', 'failpoints'] },
  telemetry: { uses: ['domain', 'ports', 'errors', 'failpoints'] },
  http: { uses: ['domain', 'ports', 'errors', 'failpoints'], types: ['telemetry', 'config'] },
  // The default matrix is a value of notify/; everything else of the core reaches config/ as types only.
  config: { uses: ['domain', 'ports', 'notify', 'errors', 'failpoints'], types: ['rules', 'engine'] },
  daemon: {
    uses: [
      ...['domain', 'rules', 'notify', 'engine', 'ports', 'errors', 'failpoints'],
      ...['integrations', 'store', 'queue', 'http', 'telemetry', 'config'],
    ],
  },
  cli: {
    uses: [
      ...['domain', 'rules', 'notify', 'engine', 'ports', 'errors', 'failpoints'],
      ...['integrations', 'store', 'queue', 'http', 'telemetry', 'config', 'daemon'],
    ],
  },
  main: { uses: ['cli', 'errors', 'failpoints'] },
};

/**
 * Which files may import which package, as patterns on the path below `src/`. A dependency that is not listed may be
 * imported nowhere: adding one means saying here where it belongs.
 * @type {Record<string, RegExp>}
 */
export const PACKAGES = {
  '@noble/hashes': /^(domain|rules|engine|notify|store|integrations|http)\//,
  '@pagerduty/pdjs': /^integrations\/[^/]+\/client\.ts$/,
  '@slack/web-api': /^integrations\/[^/]+\/client\.ts$/,
  bullmq: /^queue\//,
  commander: /^(cli\/|main\.ts$)/,
  fastify: /^(http|daemon)\//,
  ioredis: /^(store|queue)\//,
  pino: /^telemetry\//,
  'prom-client': /^(telemetry|daemon)\//,
  yaml: /^(rules|config|cli)\//,
  zod: /^(config|rules|http|integrations)\//,
};

/**
 * Calls of these port methods run inside `effectful('<name>', …)`, so that the proof can kill the process around them.
 * (`InputAppender.append` is not here: it gathers requests, and the failpoint is around the one call of Redis in the store.)
 */
export const EFFECTS = {
  'PartitionStore.acquire': 'lease.acquire',
  'PartitionStore.renew': 'lease.renew',
  'PartitionStore.load': 'owner.load',
  'PartitionStore.commit': 'owner.commit',
  'PartitionStore.appendOwn': 'owner.append-own',
  'PartitionStore.countAttempt': 'owner.count-attempt',
  'PartitionStore.trim': 'log.trim',
  'PartitionStore.takeDue': 'relay.take-due',
  'Outbox.claim': 'worker.claim',
  'Outbox.settle': 'worker.settle',
  'Outbox.release': 'worker.release',
  'Sink.deliver': 'worker.deliver',
};
