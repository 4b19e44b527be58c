/** What the tests of sinks deliver, and with what. */
import type { DeliveryContext, Notification, SecretText } from '../../src/ports/sink.js';
import { renderNotification } from '../../src/notify/message.js';
import { sampleEffect, sampleIncident } from '../notify/sample.js';

export function sampleNotification(overrides: Partial<Notification> = {}): Notification {
  const rendered = renderNotification(sampleEffect(), sampleIncident(), { externalUrl: 'https://tocsin.example' });
  return { ...rendered, ...overrides };
}

export function sampleContext(overrides: Partial<DeliveryContext> = {}): DeliveryContext {
  return { signal: new AbortController().signal, attempt: 1, mayRepeat: false, ...overrides };
}

export function secret(text: string): SecretText {
  return { reveal: () => text };
}
