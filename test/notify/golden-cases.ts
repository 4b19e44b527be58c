/** The incidents whose messages the golden files hold: an ordinary one, its end, one without a rule, and a hostile one. */
import type { Effect } from '../../src/domain/effect.js';
import type { Incident } from '../../src/domain/incident.js';
import { MINUTE, T0, sampleEffect, sampleIncident, stateOf } from './sample.js';

export interface Case {
  readonly name: string;
  readonly effect: Effect;
  readonly incident: Incident;
}

const sent = stateOf(sampleEffect(), {
  status: 'sent',
  at: T0,
  ref: { channel: 'C0123456789', ts: '1795356000.000100', dedup_key: 'tocsin/0123456789abcdef' },
});

const HOSTILE =
  '<!channel> & <https://evil.example|click> @here @Everyone `rm -rf` *bold* <script>alert(1)</script>\n\u202eright to left\u0000\ud83d';

export const CASES: readonly Case[] = [
  { name: 'trigger', effect: sampleEffect(), incident: sampleIncident() },
  {
    name: 'resolve',
    effect: sampleEffect({
      id: 'n2',
      action: 'resolve',
      reason: 'resolved: tells engineering by slack, as the opening did',
    }),
    incident: sampleIncident({
      status: 'resolved',
      resolvedAt: T0 + 12 * MINUTE,
      firingCount: 0,
      notifications: [sent],
    }),
  },
  {
    name: 'fallback-reopened',
    effect: sampleEffect({ generation: 2, severity: 'P0', reason: 're-opened: P0 tells engineering by slack at once' }),
    incident: (({ hint: _hint, runbook: _runbook, ...rest }) => rest)(
      sampleIncident({
        severity: 'P0',
        rule: 'fallback',
        key: { env: 'prod', namespace: 'shop' },
        title: 'TargetDown (env=prod, namespace=shop)',
        generation: 2,
        memberCount: 1,
        firingCount: 1,
        alertNames: { TargetDown: 1 },
      }),
    ),
  },
  {
    name: 'hostile',
    effect: sampleEffect({ reason: HOSTILE }),
    incident: sampleIncident({
      title: HOSTILE.repeat(200),
      hint: HOSTILE.repeat(200),
      runbook: 'javascript:alert(1)',
      key: { service: HOSTILE, ...Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`label${i}`, HOSTILE])) },
      alertNames: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${HOSTILE}${i}`, i])),
      memberCount: 1_275,
    }),
  },
];
