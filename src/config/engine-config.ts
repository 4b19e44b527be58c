/** The part of the configuration that the engine works with, in its own words. */
import type { EngineConfig } from '../engine/context.js';
import type { Config } from './schema.js';

/** Sinks whose name is also the channel that they serve; a channel without one goes to the log. */
const CHANNEL_SINKS = ['pagerduty', 'slack'] as const;

export function engineConfigOf(config: Config): EngineConfig {
  const { engine, notify, sinks } = config;
  const served = CHANNEL_SINKS.filter((name) => sinks[name] !== undefined);
  return {
    flapWindowMs: engine.flap_window,
    reorderWindowMs: engine.reorder_window,
    latenessMs: engine.lateness,
    staleAfterMs: engine.stale_after,
    skewMs: engine.skew,
    maxAgeMs: engine.max_age,
    resolveAfterMs: engine.resolve_after,
    reopenWithinMs: engine.reopen_within,
    attachWindowMs: engine.attach_window,
    maxSeries: engine.max_series,
    fallbackBy: config.fallback.by,
    severityMap: config.severity_map,
    notify: {
      matrix: notify.matrix,
      sinkOf: Object.fromEntries(served.map((name) => [name, name])),
      expireAfterMs: notify.expire_after,
    },
  };
}
