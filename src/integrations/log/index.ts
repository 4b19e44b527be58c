/** The log sink: one structured line a notification. It serves every channel that no other sink does, and never fails. */
import type { Sink } from '../../ports/sink.js';

/** The part of a pino logger that this needs. */
export interface NotificationLogger {
  info(fields: object, message: string): void;
}

export function createLogSink(logger: NotificationLogger): Sink {
  return {
    type: 'log',
    deliver: async (notification, context) => {
      const { headline, ...facts } = notification;
      const mark = context.mayRepeat ? { mayRepeat: true } : {};
      logger.info({ notification: { headline, ...facts }, attempt: context.attempt, ...mark }, 'notification');
      return { ok: true, detail: 'logged' };
    },
  };
}
