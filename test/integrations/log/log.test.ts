import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createLogSink } from '../../../src/integrations/log/index.js';
import { sampleContext, sampleNotification } from '../delivery.js';

it('writes one line with everything, and always succeeds', async () => {
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => lines.push(line) });
  const notification = sampleNotification({ title: 'two\nlines' });
  const result = await createLogSink(logger).deliver(notification, sampleContext({ attempt: 2, mayRepeat: true }));
  expect(result).toEqual({ ok: true, detail: 'logged' });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 30,
    msg: 'notification',
    attempt: 2,
    mayRepeat: true,
    notification: { ...notification },
  });
});
