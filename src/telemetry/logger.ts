/**
 * The daemon's own log: pino, one JSON object a line, static messages with the facts in fields.
 * `pretty` is the same for a terminal.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

import { prettyStream } from './pretty.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'json' | 'pretty';
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/**
 * Fields that are never written, wherever a careless call puts them. Secrets of the configuration are safe without this
 * (class Secret); ioredis hangs the arguments of a failed command on its errors.
 */
const REDACTED_PATHS = [
  ...['authorization', 'password', 'token', 'secret', 'routing_key'].flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
  'req.headers.cookie',
  'err.command.args',
  'err.config',
  '*.command.args',
];

export function createLogger(options: LoggerOptions): Logger {
  const stdout = () => pino.destination({ fd: 1, sync: true });
  const target = options.destination ?? stdout();
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    },
    options.format === 'pretty' ? prettyStream(target) : target,
  );
}
