/** What a single value cannot say: combinations that are refused, and those that deserve a warning. */
import type { Fault } from './problem.js';
import type { Config } from './schema.js';

const SHORTEST_TOKEN = 16;
/** Channels of the shipped matrix that have no sink yet: they go to the log without a warning. */
const KNOWN_CHANNELS = new Set(['pagerduty', 'slack', 'email', 'sms', 'log']);

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Names of the sources that accept whatever arrives, whether said so (`auth: none`) or not. */
export function unauthenticatedSources(config: Pick<Config, 'sources'>): string[] {
  return Object.entries(config.sources)
    .filter(([, source]) => source.auth === undefined || source.auth === 'none')
    .map(([name]) => name);
}

/** Combinations that are refused. */
export function refusals(config: Config): Fault[] {
  return [
    ...exposure(config),
    ...addresses(config),
    ...unservedRoles(config),
    ...redisAddress(config),
    ...pauses(config),
  ];
}

function exposure(config: Config): Fault[] {
  const { host } = config.http.listen;
  if (isLoopback(host)) return [];
  const faults: Fault[] = Object.entries(config.sources)
    .filter(([, source]) => source.auth === undefined)
    .map(([name]) => ({
      path: ['sources', name],
      message: `has no auth, and http.listen ${host} can be reached from outside: name its auth (bearer or basic), or write auth: none when a proxy in front authenticates`,
    }));
  if (config.api.tokens.length === 0 && !config.api.allow_unauthenticated) {
    faults.push({
      path: ['api', 'tokens'],
      message: `is empty, and http.listen ${host} can be reached from outside: give the API a token, or write api.allow_unauthenticated: true when a proxy in front authenticates`,
    });
  }
  return faults;
}

function addresses(config: Config): Fault[] {
  const events = config.sources.events;
  if (events === undefined || events.type === 'events') return [];
  return [
    { path: ['sources', 'events', 'type'], message: `must be events: the source of this name answers at /events` },
  ];
}

/** A role that the matrix tells through a sink which has no key or channel for it. */
function unservedRoles(config: Config): Fault[] {
  const { pagerduty, slack } = config.sinks;
  const faults: Fault[] = [];
  const check = (channel: string, field: string, served: Readonly<Record<string, unknown>> | undefined) => {
    if (served === undefined || 'default' in served) return;
    const missing = rolesOf(config, channel).filter((role) => !(role in served));
    if (missing.length === 0) return;
    faults.push({
      path: ['sinks', channel, field],
      message: `has nothing for ${missing.join(', ')}, which notify.matrix tells by ${channel}: add default or the roles`,
    });
  };
  check('pagerduty', 'routing_keys', pagerduty?.routing_keys);
  check('slack', 'channels', slack?.channels);
  return faults;
}

function rolesOf(config: Config, channel: string): string[] {
  const roles = Object.values(config.notify.matrix).flatMap((row) =>
    Object.entries(row)
      .filter(([, cell]) => cell.channels.includes(channel))
      .map(([role]) => role),
  );
  return [...new Set(roles)];
}

function redisAddress(config: Config): Fault[] {
  return (['url', 'queue_url'] as const).flatMap((key) => {
    const url = config.redis[key]?.reveal();
    if (url === undefined || url === '' || url.startsWith('/') || /^(rediss?|unix):\/\//.test(url)) return [];
    return [{ path: ['redis', key], message: 'must begin with redis://, rediss:// or / (a unix socket)' }];
  });
}

function pauses(config: Config): Fault[] {
  const { first, max } = config.workers.retry;
  if (first <= max) return [];
  return [{ path: ['workers', 'retry', 'first'], message: 'must not be longer than workers.retry.max' }];
}

/** What is allowed and should be known. */
export function warnings(config: Config): Fault[] {
  const found: Fault[] = unauthenticatedSources(config).map((name) => ({
    path: ['sources', name],
    message: 'is unauthenticated: whoever reaches the port can create alerts',
  }));
  if (config.redis.durability === 'accept-loss') {
    found.push({ path: ['redis', 'durability'], message: 'accept-loss: accepted alerts may be lost with this Redis' });
  }
  for (const [name, source] of Object.entries(config.sources)) {
    if (typeof source.auth !== 'object' || !('bearer' in source.auth)) continue;
    source.auth.bearer.forEach((token, index) => {
      if (token.reveal().length >= SHORTEST_TOKEN) return;
      const message = `is shorter than ${SHORTEST_TOKEN} characters: easy to guess`;
      found.push({ path: ['sources', name, 'auth', 'bearer', index], message });
    });
  }
  for (const [severity, row] of Object.entries(config.notify.matrix)) {
    for (const [role, cell] of Object.entries(row)) {
      for (const channel of cell.channels.filter((each) => !KNOWN_CHANNELS.has(each))) {
        const message = `names the channel ${channel}, which no sink serves: it goes to the log`;
        found.push({ path: ['notify', 'matrix', severity, role, 'channels'], message });
      }
    }
  }
  return found;
}
