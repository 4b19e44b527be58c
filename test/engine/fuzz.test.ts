/** Whatever an input of the right type holds, the step does not throw, and what it writes can be loaded again. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AlertUpdate } from '../../src/domain/alert.js';
import type { Input } from '../../src/domain/input.js';
import { stateStats } from '../../src/engine/index.js';
import { EngineRun, EPOCH, type LogLine } from '../kit/engine.js';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '__proto__', 'constructor', 'toString', '@', '\n', '\u0000', 'ErrorRateSpike', 'a'.repeat(5000)),
);
const time = fc.oneof(
  fc.double(),
  fc.integer({ min: -10_000_000, max: 10_000_000 }).map((ms) => EPOCH + ms),
  fc.constantFrom(0, -1, -62_135_596_800_000, Number.MAX_SAFE_INTEGER, Number.NaN, Infinity, -Infinity),
);
const labels = fc.dictionary(fc.oneof(text, fc.constantFrom('service', 'cluster', 'node')), text, { maxKeys: 6 });

const alert: fc.Arbitrary<AlertUpdate> = fc.record(
  {
    fingerprint: text,
    name: text,
    labels,
    annotations: labels,
    status: fc.constantFrom('firing' as const, 'resolved' as const),
    startsAt: time,
    endsAt: time,
    severity: text,
    value: fc.double(),
    url: text,
  },
  { requiredKeys: ['fingerprint', 'name', 'labels', 'annotations', 'status'] },
);

const input: fc.Arbitrary<Input> = fc.oneof(
  fc.record({ kind: fc.constant('alerts' as const), source: text, alerts: fc.array(alert, { maxLength: 8 }) }),
  fc.record({
    kind: fc.constant('event' as const),
    source: text,
    event: fc.record(
      {
        id: text,
        type: fc.oneof(text, fc.constant('deployment_completed')),
        at: time,
        startedAt: time,
        labels,
        annotations: labels,
      },
      { requiredKeys: ['id', 'type', 'at', 'labels', 'annotations'] },
    ),
  }),
  fc.record({
    kind: fc.constant('result' as const),
    effect: text,
    incident: text,
    outcome: fc.constantFrom('sent' as const, 'skipped' as const, 'failed' as const),
    reason: text,
    attempts: fc.nat(),
  }),
  fc.record({ kind: fc.constant('poison' as const), entry: text, error: text }),
);

const SEED = Number(process.env['TOCSIN_SEED'] ?? 5);

it(`survives anything of the right type (seed ${SEED})`, () => {
  const line = fc.tuple(fc.integer({ min: 0, max: 20_000_000 }), input);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      let at = 0;
      const log: LogLine[] = lines.map(([wait, each]) => ({ at: (at += wait), input: each }));
      const run = new EngineRun().run(log);
      const before = stateStats(run.state);
      const written = run.writings.fingerprint();
      run.reload();
      expect(stateStats(run.state)).toEqual({ ...before, clamped: 0, refused: 0 });
      expect(new EngineRun().run(log, { reload: () => true }).writings.fingerprint()).toBe(written);
    }),
    { seed: SEED, numRuns: 300 },
  );
});
