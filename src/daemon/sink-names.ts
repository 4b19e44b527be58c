/** Which sinks a configuration has: each has its own queue, so that a slow one holds up nobody else. */
import type { Config } from '../config/load.js';

export function sinkNames(config: Config): string[] {
  return ['log', ...Object.entries(config.sinks).flatMap(([name, sink]) => (sink === undefined ? [] : [name]))];
}
