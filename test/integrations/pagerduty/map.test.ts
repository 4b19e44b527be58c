import { describe, expect, it } from '@jest/globals';
import { buildPagerDutyEvent } from '../../../src/integrations/pagerduty/map.js';
import { renderNotification } from '../../../src/notify/message.js';
import { CASES } from '../../notify/golden-cases.js';
import { expectGolden } from '../../notify/golden.js';
import { sampleNotification } from '../delivery.js';

const SETTINGS = { externalUrl: 'https://tocsin.example' };

describe('buildPagerDutyEvent', () => {
  it.each(CASES)('maps $name', ({ name, effect, incident }) => {
    expectGolden(`${name}.pagerduty`, buildPagerDutyEvent(renderNotification(effect, incident, SETTINGS), 'KEY'));
  });

  it.each([
    ['P0', 'critical'],
    ['P1', 'error'],
    ['P2', 'warning'],
    ['P3', 'info'],
    ['P4', 'info'],
  ] as const)('sends %s as %s', (severity, expected) => {
    expect(buildPagerDutyEvent(sampleNotification({ severity }), 'KEY').payload.severity).toBe(expected);
  });

  it('keeps the limits: summary by code points, dedup key, body', () => {
    const long = '😀'.repeat(3_000);
    const event = buildPagerDutyEvent(
      sampleNotification({ headline: long, dedupKey: 'k'.repeat(400), service: long }),
      'KEY',
    );
    expect(Array.from(event.payload.summary)).toHaveLength(1_024);
    expect(event.payload.summary.endsWith('😀…')).toBe(true);
    expect(event.dedup_key.length).toBeLessThanOrEqual(255);
    expect(JSON.stringify(event).length).toBeLessThan(512 * 1024);
  });

  it('survives a time that no calendar has', () => {
    const event = buildPagerDutyEvent(sampleNotification({ startedAt: 9e15 }), 'KEY');
    expect(event.payload).not.toHaveProperty('timestamp');
  });

  it('links to a runbook only by http', () => {
    const links = (runbook: string) => buildPagerDutyEvent(sampleNotification({ runbook }), 'KEY').links;
    expect(links('https://wiki.example/db')).toHaveLength(2);
    expect(links('javascript:alert(1)')).toHaveLength(1);
  });
});
