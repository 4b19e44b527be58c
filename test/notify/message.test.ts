import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { renderNotification } from '../../src/notify/message.js';
import { CASES } from './golden-cases.js';
import { expectGolden } from './golden.js';
import { sampleEffect, sampleIncident, stateOf } from './sample.js';

const SETTINGS = { externalUrl: 'https://tocsin.example/' };

describe('renderNotification', () => {
  it.each(CASES)('renders $name', ({ name, effect, incident }) => {
    expectGolden(`${name}.message`, renderNotification(effect, incident, SETTINGS));
  });

  it('counts a single alert as one, and names the first alerts of an incident without a rule', () => {
    const incident = sampleIncident({
      rule: 'fallback',
      memberCount: 1,
      alertNames: { A: 1, B: 1, C: 1, D: 1 },
      key: { env: 'prod' },
    });
    expect(renderNotification(sampleEffect(), incident, SETTINGS).headline).toBe('[P1] env=prod: A, B, C (1 alert)');
  });

  it('refers to the sent trigger of its own lane and generation only', () => {
    const of = (overrides: object) =>
      stateOf(sampleEffect(), { status: 'sent', ref: { ts: JSON.stringify(overrides) }, ...overrides });
    const notifications = [
      of({ role: 'product' }),
      of({ channel: 'email' }),
      of({ generation: 3 }),
      of({ status: 'failed' }),
      of({ action: 'resolve' }),
    ];
    const effect = sampleEffect({ action: 'resolve' });
    expect(renderNotification(effect, sampleIncident({ notifications }), SETTINGS).triggerRef).toBeUndefined();
    const own = of({});
    const found = renderNotification(effect, sampleIncident({ notifications: [...notifications, own] }), SETTINGS);
    expect(found.triggerRef).toEqual(own.ref);
  });

  it('is one bounded line wherever text comes from outside', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
        const incident = sampleIncident({
          title: text,
          rule: text,
          hint: text,
          runbook: text,
          key: { service: text },
          alertNames: { [text]: 1 },
        });
        const message = renderNotification(sampleEffect({ reason: text }), incident, SETTINGS);
        const texts = [
          message.title,
          message.headline,
          message.rule,
          message.hint ?? '',
          message.runbook ?? '',
          message.reason,
          ...Object.values(message.key),
          ...Object.keys(message.alertNames),
        ];
        for (const each of texts) {
          expect(Array.from(each).length).toBeLessThanOrEqual(1_000);
          expect(each).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u);
        }
      }),
    );
  });
});
