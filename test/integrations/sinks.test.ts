import { existsSync, readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Secret } from '../../src/config/secret.js';
import { SOURCES } from '../../src/integrations/sources.js';
import { SINK_TYPES, buildSinks, sinkOfChannel } from '../../src/integrations/sinks.js';
import type { ActionResult } from '../../src/ports/sink.js';
import { startFakePagerDuty } from '../kit/fakes/pagerduty.js';
import { startFakeSlack } from '../kit/fakes/slack.js';
import { sampleContext, sampleNotification } from './delivery.js';

const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
});

describe('the registry', () => {
  it('has a line for every folder of a sink', () => {
    const root = new URL('../../src/integrations/', import.meta.url);
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/index.ts`, root)))
      .map((entry) => entry.name);
    const sources = Object.keys(SOURCES);
    expect(folders.filter((name) => !sources.includes(name)).sort()).toEqual([...SINK_TYPES]);
  });

  it('always has the log, and the rest when it is configured', () => {
    const logger = pino({ enabled: false });
    const none = buildSinks({}, { logger });
    expect([...none.keys()]).toEqual(['log']);
    const all = buildSinks(
      { slack: { token: new Secret('x'), channels: {} }, pagerduty: { routingKeys: {} } },
      { logger },
    );
    expect([...all].map(([name, sink]) => [name, sink.type])).toEqual(SINK_TYPES.map((type) => [type, type]));
    expect(sinkOfChannel(all)).toEqual({ log: 'log', pagerduty: 'pagerduty', slack: 'slack' });
  });
});

describe('secrets', () => {
  const KEY = 'CANARYKEY00000000000000000000000';
  const TOKEN = 'xoxb-canary-token';

  it('are in no result and no log line, whatever the receivers answer', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
    const answers = [200, 202, 301, 400, 401, 403, 404, 408, 413, 429, 500, 503];
    const results: ActionResult[] = [];
    for (const status of answers) {
      const echo = (text: string) => JSON.stringify({ message: text, error: text, errors: [text] });
      const pagerduty = await startFakePagerDuty({
        answer: (_body, response) => {
          response.writeHead(status).end(echo(KEY));
          return true;
        },
      });
      const slack = await startFakeSlack({
        answer: (_method, _body, response) => {
          response.writeHead(status).end(echo(TOKEN));
          return true;
        },
      });
      stops.push(
        () => pagerduty.stop(),
        () => slack.stop(),
      );
      const sinks = buildSinks(
        {
          pagerduty: { routingKeys: { default: new Secret(KEY) }, server: pagerduty.server, ca: pagerduty.ca },
          slack: { token: new Secret(TOKEN), channels: { default: '#incidents' }, apiUrl: slack.apiUrl },
        },
        { logger },
      );
      for (const sink of sinks.values()) {
        const result = await sink.deliver(sampleNotification(), sampleContext());
        results.push(result);
        logger.info({ result, sink }, 'delivered');
        await sink.close?.();
      }
    }
    expect(results).toHaveLength(3 * answers.length);
    expect(inspect(results, { depth: null })).not.toMatch(/canary/i);
    expect(lines.join('')).not.toMatch(/canary/i);
  });
});
