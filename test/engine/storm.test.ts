/** Storms: thousands of alerts on one place stay one incident, and what is kept of it stays small. */
import { expect, it } from '@jest/globals';
import { EngineRun, firing, MINUTE } from '../kit/engine.js';

const NODE = { cluster: 'eu1', node: 'n7', namespace: 'shop' };

it('ten thousand evictions of one node are one incident with all of them', () => {
  const run = new EngineRun();
  run.alerts(0, firing('NodeNotReady', 0, { cluster: 'eu1', node: 'n7' }));
  for (let start = 0; start < 10_000; start += 50) {
    const alerts = Array.from({ length: 50 }, (_unused, index) =>
      firing('PodEvicted', start, { ...NODE, pod: `p${start + index}` }),
    );
    run.alerts(start, ...alerts);
  }
  expect(run.incidents).toHaveLength(1);
  const head = run.incidents[0];
  expect(head).toMatchObject({ rule: 'infrastructure_failure', memberCount: 10_001 });
  expect(head?.hypotheses[0]?.evidenceCount).toBe(10_001);
  expect(JSON.stringify(head).length).toBeLessThan(8_000);
  expect(run.writings.timelineOf(head?.id ?? '').length).toBeLessThan(30);
});

it('thousands of anchors and of first steps without the last one match nothing, and end in bounded time', () => {
  const run = new EngineRun();
  const service = { service: 'checkout' };
  for (let index = 0; index < 3_000; index += 1) {
    run.alerts(
      index * 10,
      firing('PostgresConnectionPoolExhausted', index * 10, { ...service, pod: `a${index}` }),
      firing('APILatencyHigh', index * 10, { ...service, pod: `b${index}` }),
    );
  }
  expect(run.incidents).toMatchObject([{ rule: 'fallback', memberCount: 6_000 }]);
  run.alerts(MINUTE, firing('ErrorRateSpike', MINUTE, service));
  expect(run.incidents).toMatchObject([{ rule: 'database_cascade', memberCount: 6_001 }]);
});

it('alert names that are made up do not fill the head', () => {
  const run = new EngineRun();
  for (let index = 0; index < 500; index += 1) run.alerts(index, firing(`Made${index}`, 0, { service: 'x' }));
  run.alerts(500, firing('__proto__', 0, { service: 'x', ['__proto__']: 'y' }));
  expect(run.incidents).toHaveLength(1);
  expect(Object.keys(run.incidents[0]?.alertNames ?? {})).toHaveLength(50);
  expect(run.incidents[0]?.memberCount).toBe(501);
});
