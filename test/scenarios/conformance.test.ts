/** The conformance suite of the rule language, and the same under re-ordered delivery. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MINUTE } from '../kit/engine.js';
import {
  checkScenario,
  deliveriesOf,
  essence,
  logOf,
  offset,
  readScenarios,
  runOf,
  type Scenario,
} from '../kit/scenario.js';

/** What each needs that this version does not have. */
const NOT_IN_THIS_VERSION: Readonly<Record<string, string>> = {
  S03: 'trend',
  S18: 'topology',
  S22: 'not',
  S23: 'while_firing',
  S24: 'order, within_of, until',
  S25: 'explicit keys, matchers, any_of, operator commands',
};

const SEED = Number(process.env['TOCSIN_SEED'] ?? 20260110);

const all = readScenarios(readFileSync(new URL('./conformance.yaml', import.meta.url), 'utf8'));
const supported = all.filter(({ id }) => NOT_IN_THIS_VERSION[id] === undefined);

describe('conformance', () => {
  it('has all 25 scenarios, and every exception is one of them', () => {
    const ids = all.map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: 25 }, (_unused, index) => `S${String(index + 1).padStart(2, '0')}`));
    expect(ids).toEqual(expect.arrayContaining(Object.keys(NOT_IN_THIS_VERSION)));
  });

  it.each(supported.map((scenario) => [`${scenario.id}: ${scenario.title}`, scenario] as const))(
    '%s',
    (_title, scenario) => {
      checkScenario(scenario);
    },
  );
});

describe(`delivery in any order, up to 4 minutes late (seed ${SEED})`, () => {
  const permutable = supported.filter(({ permute }) => permute !== false);

  it.each(permutable.map((scenario) => [scenario.id, scenario] as const))('%s', (_id, scenario) => {
    const wanted = essence(inOrder(scenario));
    const deliveries = deliveriesOf(scenario);
    const delays = fc.array(fc.integer({ min: 0, max: 4 * MINUTE }), {
      minLength: deliveries.length,
      maxLength: deliveries.length,
    });
    fc.assert(
      fc.property(delays, (late) => {
        const delayed = deliveries.map(({ recv, input }, index) => ({ recv: recv + (late[index] ?? 0), input }));
        const run = runOf(scenario).run(logOf(delayed));
        run.tick(offset(scenario.until) + 4 * MINUTE);
        expect(essence(run)).toEqual(wanted);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

function inOrder(scenario: Scenario): ReturnType<typeof runOf> {
  const run = runOf(scenario).run(logOf(deliveriesOf(scenario)));
  run.tick(offset(scenario.until) + 4 * MINUTE);
  return run;
}
