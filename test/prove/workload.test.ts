/** The senders' side: what is drawn, how it travels, and what the ledger makes of what was acknowledged. */
import { describe, expect, it } from '@jest/globals';

import { drawFailpoints } from './processes/failpoint-draw.js';
import { parseOptions } from './options.js';
import { Random } from './random.js';
import { Ledger } from './workload/ledger.js';
import { drawScenario, SCENARIO_KINDS, type Scenario } from './workload/scenario.js';
import { tellStory, type Delivery } from './workload/story.js';

const NOW = 1_800_000_000_000;

function draw(count: number, seed = 7): Scenario[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => drawScenario(random, `s${index}`, NOW));
}

function alertsIn(delivery: Delivery): { labels: Record<string, string> }[] {
  return (JSON.parse(delivery.body) as { alerts?: { labels: Record<string, string> }[] }).alerts ?? [];
}

describe('scenarios', () => {
  it('are all drawn, with alerts that began within the last ten minutes, and drawn again from their seed', () => {
    const scenarios = draw(300);
    expect(new Set(scenarios.map((scenario) => scenario.kind))).toEqual(new Set(SCENARIO_KINDS));
    for (const { startsAt } of scenarios.flatMap((scenario) => scenario.alerts)) {
      expect(startsAt).toBeLessThan(NOW);
      expect(startsAt).toBeGreaterThan(NOW - 600_000);
    }
    expect(draw(300)).toEqual(scenarios);
    expect(draw(300, 8)).not.toEqual(scenarios);
  });

  it('share no service or cluster of their own with another one', () => {
    const scopes = draw(300).map(({ alerts }) => alerts[0]?.labels['service'] ?? alerts[0]?.labels['cluster']);
    expect(new Set(scopes).size).toBe(300);
  });
});

describe('stories', () => {
  it('say everything at least once, some of it twice, and resolve only what resolves, in a later round', () => {
    const random = new Random(3);
    const stories = draw(200).map((scenario) => tellStory(scenario.id, [scenario], random));
    let repeated = 0;
    for (const { scenarios, rounds } of stories) {
      const [scenario] = scenarios as [Scenario];
      const first = rounds[0]?.deliveries(NOW) ?? [];
      const said = first.flatMap((delivery) => delivery.statements.map((statement) => statement.alert));
      expect(new Set(said)).toEqual(new Set(scenario.alerts.map((alert) => alert.key)));
      expect(first.flatMap(alertsIn).length).toBe(said.length);
      repeated += first.length - new Set(first.map((delivery) => delivery.id)).size;
      expect(rounds.length).toBe(scenario.resolves ? 2 : 1);
    }
    expect(repeated).toBeGreaterThan(10);
  });
});

describe('ledger', () => {
  it('knows a scenario as complete only when all that it says was acknowledged', () => {
    const scenario = draw(100).find(({ resolves, event }) => resolves && event !== undefined) as Scenario;
    const ledger = new Ledger();
    ledger.begin([scenario]);
    const rounds = tellStory('t', [scenario], new Random(1)).rounds;
    const deliveries = rounds.flatMap((round) => round.deliveries(NOW));
    for (const delivery of deliveries) {
      expect(ledger.truths()[0]?.complete).toBe(false);
      ledger.acknowledge(delivery);
    }
    const [truth] = ledger.truths();
    expect(truth).toMatchObject({ complete: true, event: scenario.event?.id, expected: { status: 'resolved' } });
    expect(truth?.alerts.every((alert) => alert.endsAt === NOW)).toBe(true);
  });
});

describe('failpoints of a life', () => {
  it('are those of its roles, and those that were hit least first', () => {
    const hits = new Map([
      ['worker.claim:before', 9],
      ['worker.claim:after', 9],
      ['worker.deliver:before', 9],
      ['worker.settle:before', 9],
    ]);
    const specs = Array.from({ length: 200 }, (_, seed) => drawFailpoints(new Random(seed), ['worker'], hits));
    expect(specs.every((spec) => /^\*=[\d.]+(,worker\.\w+:(before|after)=[\d.]+){1,2}$/.test(spec))).toBe(true);
    const drawn = (point: string): number => specs.filter((spec) => spec.includes(point)).length;
    expect(drawn('worker.settle:after')).toBeGreaterThan(drawn('worker.claim:before'));
  });
});

describe('options', () => {
  it('ask for 300 kills and power cuts in the short form', () => {
    expect(parseOptions(['--short'], 1)).toMatchObject({ minutes: 1, leastKills: 300, powerCuts: true, seed: 1 });
    expect(parseOptions(['--minutes', '10', '--seed', '5'], 1)).toMatchObject({
      leastKills: 3_000,
      powerCuts: false,
      seed: 5,
    });
  });

  it('ask a control for less: it only has to show that the oracle sees', () => {
    const options = parseOptions(['--short', '--control=everysec'], 1);
    expect(options).toMatchObject({ minutes: 0.5, leastKills: 20, powerCuts: true, control: 'everysec' });
  });

  it.each([['--control=x'], ['--minutes=much'], ['--seed=-1'], ['--unknown']])('refuse %s', (option) => {
    expect(() => parseOptions([option], 1)).toThrow(option.replace(/^--|=.*$/g, ''));
  });
});
