/** The registry of sinks: adding one is its folder, its tests and a line here (a test compares the folders with it). */
import type { Sink } from '../ports/sink.js';
import { createLogSink, type NotificationLogger } from './log/index.js';
import { createPagerDutySink, type PagerDutySinkConfig } from './pagerduty/index.js';
import { createSlackSink, type SlackSinkConfig } from './slack/index.js';

export interface SinksConfig {
  readonly pagerduty?: PagerDutySinkConfig;
  readonly slack?: SlackSinkConfig;
}

export interface SinkDependencies {
  readonly logger: NotificationLogger;
}

export const SINK_TYPES = ['log', 'pagerduty', 'slack'] as const;

export type SinkType = (typeof SINK_TYPES)[number];

const BUILDERS: Readonly<Record<SinkType, (config: SinksConfig, dependencies: SinkDependencies) => Sink | undefined>> =
  {
    log: (_config, { logger }) => createLogSink(logger),
    pagerduty: (config) => config.pagerduty && createPagerDutySink(config.pagerduty),
    slack: (config) => config.slack && createSlackSink(config.slack),
  };

/** The configured sinks by name; `log` is always there. */
export function buildSinks(config: SinksConfig, dependencies: SinkDependencies): Map<string, Sink> {
  const sinks = new Map<string, Sink>();
  for (const type of SINK_TYPES) {
    const sink = BUILDERS[type](config, dependencies);
    if (sink !== undefined) sinks.set(type, sink);
  }
  return sinks;
}

/** Channel -> sink for planning: a channel is served by the sink of its name, see NotifySettings. */
export function sinkOfChannel(sinks: ReadonlyMap<string, Sink>): Record<string, string> {
  return Object.fromEntries([...sinks.keys()].map((name) => [name, name]));
}
