/** Random logs of well-typed input, for properties of the engine: storms on few names and services, flaps, late and odd news. */
import fc from 'fast-check';
import type { AlertUpdate } from '../../src/domain/alert.js';
import type { Input } from '../../src/domain/input.js';
import { EPOCH, HOUR, type LogLine, MINUTE } from './engine.js';

const NAMES = [
  'PostgresConnectionPoolExhausted',
  'APILatencyHigh',
  'ErrorRateSpike',
  'ExternalAPITimeout',
  'CircuitBreakerOpen',
  'NodeNotReady',
  'PodEvicted',
  'Unrelated',
] as const;

const labels = fc.record(
  {
    service: fc.constantFrom('checkout', 'search'),
    cluster: fc.constantFrom('eu1', 'us1'),
    node: fc.constantFrom('n1', 'n2'),
    instance: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  },
  { requiredKeys: ['instance'] },
);

/** Milliseconds relative to the delivery; mostly recent, sometimes long ago or in the future. */
const past = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -6 * MINUTE, max: 0 }) },
  { weight: 2, arbitrary: fc.integer({ min: -3 * HOUR, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5 * MINUTE }) },
);

interface DraftAlert {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly status: 'firing' | 'resolved';
  readonly start: number | undefined;
  readonly length: number;
  readonly severity: string | undefined;
}

const draft: fc.Arbitrary<DraftAlert> = fc.record({
  name: fc.constantFrom(...NAMES),
  labels: labels,
  status: fc.constantFrom('firing', 'firing', 'firing', 'resolved'),
  start: fc.option(past, { nil: undefined, freq: 12 }),
  length: fc.integer({ min: -MINUTE, max: 10 * MINUTE }),
  severity: fc.constantFrom('warning', 'critical', 'info', 'high', undefined, 'constructor'),
});

function alertOf(at: number, { name, labels: own, status, start, length, severity }: DraftAlert): AlertUpdate {
  // starts on a grid, so that the same start is often told again
  const startsAt = start === undefined ? undefined : EPOCH + Math.round((at + start) / 30_000) * 30_000;
  return {
    fingerprint: `r:${name}:${JSON.stringify(Object.entries(own).sort())}`,
    name,
    labels: own,
    annotations: { summary: `${name} is firing` },
    status,
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(status === 'resolved' && startsAt !== undefined ? { endsAt: startsAt + length } : {}),
    ...(severity === undefined ? {} : { severity }),
  };
}

type Draft =
  | { readonly kind: 'alerts'; readonly alerts: readonly DraftAlert[] }
  | { readonly kind: 'event'; readonly labels: Record<string, string>; readonly at: number; readonly lasted: number }
  | { readonly kind: 'tick' }
  | { readonly kind: 'poison'; readonly entry: string };

const input: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('alerts' as const),
      alerts: fc.array(draft, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('event' as const),
      labels: labels,
      at: past,
      lasted: fc.integer({ min: 0, max: 20 * MINUTE }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'tick' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('poison' as const), entry: fc.constantFrom('1-0', '2-0') }) },
);

const gap = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 * MINUTE }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 * HOUR }) },
);

function inputOf(at: number, from: Draft): Input {
  switch (from.kind) {
    case 'alerts':
      return { kind: 'alerts', source: 'random', alerts: from.alerts.map((each) => alertOf(at, each)) };
    case 'event': {
      const time = EPOCH + at + from.at;
      const id = `deploy-${Math.floor((at + from.at) / (5 * MINUTE))}`;
      const event = {
        id,
        type: 'deployment_completed',
        at: time,
        startedAt: time - from.lasted,
        labels: from.labels,
        annotations: {},
      };
      return { kind: 'event', source: 'random', event };
    }
    case 'tick':
      return { kind: 'tick' };
    case 'poison':
      return { kind: 'poison', entry: from.entry, error: 'it was bad' };
  }
}

/** A log of up to `maxLength` entries whose times never go back. */
export function arbitraryLog(maxLength = 60): fc.Arbitrary<LogLine[]> {
  return fc.array(fc.tuple(gap, input), { minLength: 1, maxLength }).map((drafts) => {
    let at = 0;
    return drafts.map(([wait, each]) => {
      at += wait;
      return { at, input: inputOf(at, each) };
    });
  });
}
