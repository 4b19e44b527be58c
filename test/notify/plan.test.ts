import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Effect } from '../../src/domain/effect.js';
import type { NotificationState } from '../../src/domain/incident.js';
import { SEVERITIES, type Severity } from '../../src/domain/severity.js';
import { planResolves, planTriggers } from '../../src/notify/plan.js';
import { MINUTE, SETTINGS, T0, sampleIncident, stateOf } from './sample.js';

/** `engineering/pagerduty+0m` */
function show(effects: readonly Effect[], since = T0): string[] {
  return effects.map(({ role, channel, dueAt }) => `${role}/${channel}+${(dueAt - since) / MINUTE}m`);
}

const P0_ROW = [
  'engineering/pagerduty+0m',
  'engineering/slack+0m',
  'eng_lead/pagerduty+0m',
  'eng_lead/slack+0m',
  'product/slack+0m',
  'product/email+0m',
  'executive/sms+5m',
  'executive/email+5m',
  'customer_success/slack+15m',
  'customer_success/email+15m',
];
const P1_ROW = [
  'engineering/pagerduty+0m',
  'engineering/slack+0m',
  'eng_lead/slack+5m',
  'product/slack+15m',
  'executive/email+30m',
  'customer_success/slack+30m',
];
const P2_ROW = ['engineering/slack+0m', 'eng_lead/slack+30m', 'product/email+60m'];
const ROWS: Record<Severity, string[]> = { P0: P0_ROW, P1: P1_ROW, P2: P2_ROW, P3: [], P4: [] };

describe('planTriggers', () => {
  it.each(SEVERITIES)('plans the row of %s at the opening', (severity) => {
    expect(show(planTriggers(sampleIncident({ severity }), null, T0, SETTINGS))).toEqual(ROWS[severity]);
  });

  it('plans complete effects', () => {
    const [first] = planTriggers(sampleIncident(), null, T0, SETTINGS);
    expect(first).toEqual({
      v: 1,
      id: expect.stringMatching(/^n[0-9a-f]{16}$/),
      kind: 'notify',
      incident: '0123456789abcdef',
      generation: 0,
      action: 'trigger',
      role: 'engineering',
      channel: 'pagerduty',
      sink: 'pagerduty',
      lane: '0123456789abcdef.0.pagerduty.engineering',
      severity: 'P1',
      plannedAt: T0,
      dueAt: T0,
      expiresAt: T0 + 24 * 60 * MINUTE,
      reason: 'opened: P1 tells engineering by pagerduty at once',
    });
  });

  it('sends channels without a sink to the log', () => {
    const effects = planTriggers(sampleIncident({ severity: 'P0' }), null, T0, SETTINGS);
    expect(Object.fromEntries(effects.map(({ channel, sink }) => [channel, sink]))).toEqual({
      pagerduty: 'pagerduty',
      slack: 'slack',
      email: 'log',
      sms: 'log',
    });
  });

  it('plans nothing when the severity did not change', () => {
    expect(planTriggers(sampleIncident(), 'P1', T0, SETTINGS)).toEqual([]);
  });

  it('plans the whole row on a rise, also for those who were told', () => {
    const told = planTriggers(sampleIncident({ severity: 'P2' }), null, T0, SETTINGS);
    const incident = sampleIncident({
      notifications: told.map((effect) => stateOf(effect, { status: 'sent', at: T0 })),
    });
    const raised = planTriggers(incident, 'P2', T0 + MINUTE, SETTINGS);
    expect(show(raised, T0 + MINUTE)).toEqual(P1_ROW);
    expect(raised[1]?.reason).toBe('raised P2 -> P1: P1 tells engineering by slack at once');
  });

  it('on a fall plans only for those who got no message yet', () => {
    const planned = planTriggers(sampleIncident({ severity: 'P1' }), null, T0, SETTINGS);
    const incident = sampleIncident({
      severity: 'P2',
      notifications: planned.map((effect) => stateOf(effect, effect.dueAt === T0 ? { status: 'sent', at: T0 } : {})),
    });
    const lowered = planTriggers(incident, 'P1', T0 + MINUTE, SETTINGS);
    expect(show(lowered, T0 + MINUTE)).toEqual(['eng_lead/slack+30m', 'product/email+60m']);
    expect(lowered[0]?.reason).toBe('lowered P1 -> P2: P2 tells eng_lead by slack after 30m');
  });

  it('on a fall plans again what is still on its way, because its worker will skip it', () => {
    const planned = planTriggers(sampleIncident({ severity: 'P1' }), null, T0, SETTINGS);
    const incident = sampleIncident({ severity: 'P2', notifications: planned.map((effect) => stateOf(effect)) });
    expect(show(planTriggers(incident, 'P1', T0, SETTINGS))).toEqual(P2_ROW);
  });

  it('begins anew in each generation', () => {
    const before = planTriggers(sampleIncident(), null, T0, SETTINGS);
    const incident = sampleIncident({
      generation: 1,
      notifications: before.map((effect) => stateOf(effect, { status: 'sent', at: T0 })),
    });
    const again = planTriggers(incident, null, T0, SETTINGS);
    expect(show(again)).toEqual(P1_ROW);
    expect(again[0]).toMatchObject({ generation: 1, lane: '0123456789abcdef.1.pagerduty.engineering' });
    expect(again[0]?.reason).toMatch(/^re-opened: /);
    expect(again.map(({ id }) => id)).not.toEqual(before.map(({ id }) => id));
  });

  it('names a channel that is written twice once', () => {
    const matrix = { P1: { engineering: { channels: ['slack', 'slack'], delayMs: 0 } } };
    expect(planTriggers(sampleIncident(), null, T0, { ...SETTINGS, matrix })).toHaveLength(1);
  });

  it('gives every effect its own id whatever the severity does, and the same ids again on a replay', () => {
    const walk = (steps: readonly Severity[]): string[] => {
      const notifications: NotificationState[] = [];
      let previous: Severity | null = null;
      steps.forEach((severity, index) => {
        const incident = sampleIncident({ severity, notifications: [...notifications] });
        const effects = planTriggers(incident, previous, T0 + index, SETTINGS);
        notifications.push(...effects.map((effect) => stateOf(effect)));
        previous = severity;
      });
      return notifications.map(({ effect }) => effect);
    };
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...SEVERITIES), { maxLength: 12 }), (steps) => {
        const ids = walk(steps);
        expect(new Set(ids).size).toBe(ids.length);
        expect(walk(steps)).toEqual(ids);
      }),
    );
  });
});

describe('planResolves', () => {
  const planned = planTriggers(sampleIncident(), null, T0, SETTINGS);

  it('resolves each lane whose trigger was due', () => {
    const incident = sampleIncident({ status: 'resolved', notifications: planned.map((effect) => stateOf(effect)) });
    const resolves = planResolves(incident, T0 + 5 * MINUTE, SETTINGS);
    expect(resolves.map(({ role, channel, action }) => [role, channel, action])).toEqual([
      ['engineering', 'pagerduty', 'resolve'],
      ['engineering', 'slack', 'resolve'],
      ['eng_lead', 'slack', 'resolve'],
    ]);
    expect(resolves[0]).toMatchObject({
      dueAt: T0 + 5 * MINUTE,
      lane: planned[0]?.lane,
      reason: 'resolved: tells engineering by pagerduty, as the opening did',
    });
    expect(resolves.every(({ id }) => !planned.some((effect) => effect.id === id))).toBe(true);
  });

  it('resolves a lane once however often it was triggered', () => {
    const raised = planTriggers(
      sampleIncident({ severity: 'P0', notifications: planned.map((effect) => stateOf(effect)) }),
      'P1',
      T0,
      SETTINGS,
    );
    const notifications = [...planned, ...raised].map((effect) => stateOf(effect));
    const resolves = planResolves(sampleIncident({ severity: 'P0', notifications }), T0, SETTINGS);
    const lanes = resolves.map(({ lane }) => lane);
    expect(new Set(lanes).size).toBe(lanes.length);
  });

  it('plans nothing a second time, and nothing for an earlier generation', () => {
    const notifications = planned.map((effect) => stateOf(effect));
    const first = planResolves(sampleIncident({ notifications }), T0, SETTINGS);
    const both = [...notifications, ...first.map((effect) => stateOf(effect))];
    expect(planResolves(sampleIncident({ notifications: both }), T0 + 1, SETTINGS)).toEqual([]);
    expect(planResolves(sampleIncident({ notifications, generation: 1 }), T0 + 1, SETTINGS)).toEqual([]);
  });

  it('goes where the trigger went, whatever is configured now', () => {
    const notifications = planned.map((effect) => stateOf(effect));
    const resolves = planResolves(sampleIncident({ notifications }), T0, { ...SETTINGS, sinkOf: {} });
    expect(resolves.map(({ sink }) => sink)).toEqual(['pagerduty', 'slack']);
  });

  it('says when the end is a merge', () => {
    const notifications = planned.map((effect) => stateOf(effect));
    const [first] = planResolves(sampleIncident({ status: 'merged', notifications }), T0, SETTINGS);
    expect(first?.reason).toMatch(/^merged: /);
  });
});
