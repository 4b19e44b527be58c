import { describe, expect, it } from '@jest/globals';

import { engineConfigOf } from '../../src/config/engine-config.js';
import { readConfig } from '../../src/config/load.js';

function engineConfig(yaml: string) {
  const loaded = readConfig(yaml, 'tocsin.yaml', { env: { KEY: 'k' }, base: '/' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return engineConfigOf(loaded.config);
}

describe('engineConfigOf', () => {
  it('hands every window on in milliseconds', () => {
    expect(
      engineConfig('engine: {flap_window: 3s, max_age: 1d, max_series: 5000}\nfallback: {by: [team]}'),
    ).toMatchObject({
      flapWindowMs: 3_000,
      reorderWindowMs: 60_000,
      latenessMs: 600_000,
      staleAfterMs: 29_100_000,
      skewMs: 60_000,
      maxAgeMs: 86_400_000,
      resolveAfterMs: 300_000,
      reopenWithinMs: 1_800_000,
      attachWindowMs: 7_200_000,
      maxSeries: 5_000,
      fallbackBy: ['team'],
      notify: { expireAfterMs: 86_400_000 },
    });
  });

  it('serves a channel by its sink only when that is configured', () => {
    expect(engineConfig('').notify.sinkOf).toEqual({});
    expect(engineConfig('sinks: {pagerduty: {routing_keys: {default: {env: KEY}}}}').notify.sinkOf).toEqual({
      pagerduty: 'pagerduty',
    });
  });
});
