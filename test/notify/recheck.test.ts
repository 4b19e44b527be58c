import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Effect } from '../../src/domain/effect.js';
import type { Incident, NotificationState } from '../../src/domain/incident.js';
import type { Severity } from '../../src/domain/severity.js';
import { planTriggers } from '../../src/notify/plan.js';
import { recheck } from '../../src/notify/recheck.js';
import { MINUTE, SETTINGS, T0, sampleEffect, sampleIncident, stateOf } from './sample.js';

const FRESH = { triggered: false, resolved: false };
const TRIGGERED = { triggered: true, resolved: false };
const late = sampleEffect({ dueAt: T0 + 15 * MINUTE });

describe('recheck', () => {
  it.each<[string, Effect, Partial<Incident>, typeof FRESH, string | undefined]>([
    ['an open incident', late, {}, FRESH, undefined],
    [
      'an incident that was resolved in the meantime',
      late,
      { status: 'resolved', resolvedAt: Date.UTC(2026, 10, 22, 14, 3, 12) },
      FRESH,
      'resolved 14:03:12Z, before the delay of 15m was over',
    ],
    [
      'an incident that was resolved while we tried',
      late,
      { status: 'resolved', resolvedAt: T0 + 20 * MINUTE },
      TRIGGERED,
      'resolved 14:20:00Z, before it was sent',
    ],
    [
      'a resolved incident without delay',
      sampleEffect(),
      { status: 'resolved', resolvedAt: T0 + 1 },
      FRESH,
      'resolved 14:00:00Z, before it was sent',
    ],
    ['a merged incident', late, { status: 'merged', mergedInto: 'fedcba' }, FRESH, 'merged into fedcba'],
    [
      'a raised incident',
      late,
      { severity: 'P0' },
      FRESH,
      'severity changed P1 -> P0; that change planned its own notifications',
    ],
    [
      'a lowered incident',
      late,
      { severity: 'P2' },
      FRESH,
      'severity changed P1 -> P2; that change planned its own notifications',
    ],
    [
      'a re-opened incident',
      late,
      { generation: 1 },
      FRESH,
      're-opened since (generation 0 -> 1); that planned its own notifications',
    ],
    [
      'a lane whose resolve was attempted',
      late,
      {},
      { triggered: true, resolved: true },
      'its resolve was attempted already; a trigger after it would open a new alert',
    ],
    [
      'a resolve of a triggered lane',
      sampleEffect({ action: 'resolve' }),
      { status: 'resolved' },
      TRIGGERED,
      undefined,
    ],
    [
      'a resolve of an earlier generation',
      sampleEffect({ action: 'resolve' }),
      { generation: 1, severity: 'P0' },
      TRIGGERED,
      undefined,
    ],
    [
      'a resolve of a lane in which nothing was sent',
      sampleEffect({ action: 'resolve' }),
      { status: 'resolved' },
      FRESH,
      'nothing was sent to resolve',
    ],
  ])('%s', (_case, effect, incident, lane, reason) => {
    const verdict = recheck(effect, sampleIncident(incident), lane);
    expect(verdict).toEqual(reason === undefined ? { act: true } : { act: false, reason });
  });

  it('skips a trigger that was planned again at the same severity', () => {
    const notifications = [stateOf(late), stateOf(sampleEffect({ id: 'second' }))];
    const incident = sampleIncident({ notifications });
    expect(recheck(late, incident, FRESH)).toMatchObject({ act: false });
    expect(recheck(sampleEffect({ id: 'second' }), incident, FRESH)).toEqual({ act: true });
  });

  it('skips the milder message when the worse one arrived after it was planned', () => {
    const worse = stateOf(sampleEffect({ id: 'worse', severity: 'P0' }), { status: 'sent', at: T0 + 5 });
    const notifications = [worse, stateOf(late)];
    expect(recheck(late, sampleIncident({ notifications }), TRIGGERED)).toEqual({
      act: false,
      reason: 'sent as P0 while the severity fell to P1',
    });
    const older = [{ ...worse, at: T0 - 5 }, stateOf(late)];
    expect(recheck(late, sampleIncident({ notifications: older }), TRIGGERED)).toEqual({ act: true });
  });
});

/**
 * The promise behind the skips, tried on random histories: severity changes and workers in any order, and in the end
 * everybody in the row of the last severity got a message while the incident was open.
 */
describe('planning and rechecking together', () => {
  interface Step {
    readonly severity?: Severity;
    /** Index of a pending effect that a worker takes now. */
    readonly work?: number;
    readonly pass?: number;
  }

  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ severity: fc.constantFrom<Severity>('P0', 'P1', 'P2', 'P3') }),
    fc.record({ work: fc.nat(20) }),
    fc.record({ pass: fc.constantFrom(0, MINUTE, 31 * MINUTE) }),
  );

  it('tells everybody in the row of the final severity', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Severity>('P0', 'P1', 'P2', 'P3'),
        fc.array(step, { maxLength: 15 }),
        (first, steps) => {
          let now = T0;
          let severity = first;
          const notifications: NotificationState[] = [];
          const pending: Effect[] = [];
          const told = new Set<string>();
          const head = (): Incident => sampleIncident({ severity, notifications: [...notifications] });
          const plan = (previous: Severity | null): void => {
            for (const effect of planTriggers(head(), previous, now, SETTINGS)) {
              pending.push(effect);
              notifications.push(stateOf(effect));
            }
          };
          const work = (effect: Effect): void => {
            pending.splice(pending.indexOf(effect), 1);
            const verdict = recheck(effect, head(), { triggered: told.has(effect.lane), resolved: false });
            if (verdict.act) told.add(effect.lane);
            const index = notifications.findIndex((state) => state.effect === effect.id);
            notifications[index] = stateOf(effect, { status: verdict.act ? 'sent' : 'skipped', at: now });
          };
          plan(null);
          for (const each of steps) {
            now += each.pass ?? 1;
            const due = pending.filter((effect) => effect.dueAt <= now);
            const taken = each.work === undefined ? undefined : due[each.work % Math.max(1, due.length)];
            if (taken !== undefined) work(taken);
            if (each.severity !== undefined) {
              const previous = severity;
              severity = each.severity;
              plan(previous);
            }
          }
          now += 2 * 60 * MINUTE;
          while (pending[0] !== undefined) work(pending[0]);
          for (const [role, cell] of Object.entries(SETTINGS.matrix[severity] ?? {})) {
            for (const channel of cell.channels) {
              expect(told).toContain(`0123456789abcdef.0.${channel}.${role}`);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
