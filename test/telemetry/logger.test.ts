import { describe, expect, it } from '@jest/globals';

import { Secret } from '../../src/config/secret.js';
import { createLogger, type LoggerOptions } from '../../src/telemetry/logger.js';

function capture(options: Pick<LoggerOptions, 'level' | 'format'>) {
  const lines: string[] = [];
  return { lines, logger: createLogger({ ...options, destination: { write: (line) => void lines.push(line) } }) };
}

describe('json', () => {
  it('writes one object a line with level, time, message and fields', () => {
    const { lines, logger } = capture({ level: 'info', format: 'json' });
    logger.child({ component: 'test' }).info({ partition: 3 }, 'lease acquired');
    logger.debug('hidden');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      component: 'test',
      partition: 3,
      msg: 'lease acquired',
      time: expect.stringMatching(/Z$/),
    });
  });

  it('redacts secrets, credentials and the arguments of failed commands', () => {
    const { lines, logger } = capture({ level: 'info', format: 'json' });
    const error = Object.assign(new Error('READONLY'), { command: { name: 'xadd', args: ['hunter2'] } });
    logger.info(
      {
        key: new Secret('hunter2'),
        token: 'hunter2',
        sink: { routing_key: 'hunter2' },
        req: { headers: { authorization: 'hunter2' } },
        err: error,
      },
      'all',
    );
    expect(lines.join()).not.toContain('hunter2');
    expect(lines.join()).toContain('READONLY');
  });
});

describe('pretty', () => {
  it('writes time, level, message and fields for people', () => {
    const { lines, logger } = capture({ level: 'info', format: 'pretty' });
    logger.warn({ partition: 0, detail: 'two words' }, 'lease lost');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}lease lost partition=0 detail="two words"\n$/);
  });

  it('shows the stack of an error, and control characters escaped', () => {
    const { lines, logger } = capture({ level: 'info', format: 'pretty' });
    logger.error({ err: new Error('broken \u001b[2J') }, 'failed');
    expect(lines[0]).toContain('\n  Error: broken \\u001b[2J\n');
    expect(lines[0]).not.toContain('\u001b');
  });
});
