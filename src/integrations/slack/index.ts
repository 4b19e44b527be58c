/**
 * The Slack sink. Slack has no key against repeats: every message carries the id of its effect as metadata, and when an
 * earlier attempt may have been delivered we look for it first. Where we cannot look, the message says `(may repeat)`.
 */
import type { ActionResult, DeliveryContext, Notification, SecretText, Sink } from '../../ports/sink.js';
import { interruption } from '../outcome.js';
import { openSlackSession, type Call, type Posted, type SlackSession } from './client.js';
import { buildSlackMessage, type MessageTarget } from './map.js';
import { classifyFailure } from './outcome.js';

export interface SlackSinkConfig {
  readonly token: SecretText;
  /** Role -> channel id or name; `default` serves the others. With a name we can look for repeats only after a first post. */
  readonly channels: Readonly<Record<string, string>>;
  /** Base address instead of https://slack.com/api/. */
  readonly apiUrl?: string;
}

/** After so many attempts we stop insisting on reading the history first: a page is worth a repeat. */
const PATIENT_ATTEMPTS = 5;
/** The receiver's clock against ours. */
const CLOCK_MARGIN_MS = 60_000;
const THREAD_GONE = new Set(['thread_not_found', 'message_not_found', 'cannot_reply_to_message']);

export function createSlackSink(config: SlackSinkConfig): Sink {
  /** Channel name -> id, learnt from answers: history wants the id. */
  const channelIds = new Map<string, string>();
  return {
    type: 'slack',
    deliver: async (notification, context) => {
      const channel = config.channels[notification.role] ?? config.channels['default'];
      if (channel === undefined) return missingChannel(notification.role);
      const token = config.token.reveal();
      const session = openSlackSession({
        token,
        signal: context.signal,
        ...(config.apiUrl !== undefined && { apiUrl: config.apiUrl }),
      });
      const result = await deliver({ session, notification, context, channel, channelIds });
      return { ...result, detail: result.detail.replaceAll(token, '[redacted]') };
    },
  };
}

interface Delivery {
  readonly session: SlackSession;
  readonly notification: Notification;
  readonly context: DeliveryContext;
  readonly channel: string;
  readonly channelIds: Map<string, string>;
}

async function deliver(delivery: Delivery): Promise<ActionResult> {
  const { notification, context, channelIds } = delivery;
  const thread = notification.action === 'resolve' ? notification.triggerRef : undefined;
  const channel = thread?.['channel'] ?? channelIds.get(delivery.channel) ?? delivery.channel;
  const target: MessageTarget = { channel, ...threadOf(thread), mayRepeat: false };
  const look = context.mayRepeat ? await lookForEarlier(delivery, target) : 'absent';
  if (look !== 'absent' && look !== 'unreadable') return look;
  return post(delivery, { ...target, mayRepeat: look === 'unreadable' });
}

async function post(delivery: Delivery, target: MessageTarget): Promise<ActionResult> {
  const call = await delivery.session.post(buildSlackMessage(delivery.notification, target));
  if (call.ok) {
    if (target.thread === undefined) delivery.channelIds.set(delivery.channel, call.value.channel);
    return sent(call.value, `posted in ${call.value.channel}`);
  }
  if (target.thread !== undefined && THREAD_GONE.has(call.trace.code ?? '')) {
    const { thread: _gone, ...plain } = target;
    return post(delivery, plain);
  }
  return failed(delivery, call, true);
}

/** What an earlier attempt left: its result when we find the message, or a reason to wait and look again. */
async function lookForEarlier(
  delivery: Delivery,
  target: MessageTarget,
): Promise<ActionResult | 'absent' | 'unreadable'> {
  const call = await delivery.session.find({
    channel: target.channel,
    ...(target.thread !== undefined && { thread: target.thread }),
    effect: delivery.notification.effect,
    since: delivery.notification.openedAt - CLOCK_MARGIN_MS,
  });
  if (call.ok) {
    if (call.value.found !== null) return sent(call.value.found, 'found the message of an earlier attempt');
    return call.value.complete ? 'absent' : 'unreadable';
  }
  const result = failed(delivery, call, false);
  if (result.ok || !result.retry || delivery.context.attempt >= PATIENT_ATTEMPTS) {
    return delivery.context.signal.aborted ? result : 'unreadable';
  }
  return result;
}

function sent(posted: Posted, detail: string): ActionResult {
  return { ok: true, detail, ref: { channel: posted.channel, ts: posted.ts } };
}

function failed(
  { context: { signal } }: Delivery,
  call: Extract<Call<unknown>, { ok: false }>,
  mayHaveActed: boolean,
): ActionResult {
  // what an answered call says counts more than that time ran out afterwards
  if (signal.aborted && (call.trace.status === undefined || call.trace.code === undefined)) {
    return interruption('Slack', signal, mayHaveActed);
  }
  const failure = classifyFailure(call.trace);
  return mayHaveActed ? failure : { ...failure, unknownOutcome: false };
}

function threadOf(ref: Readonly<Record<string, string>> | undefined): { readonly thread?: string } {
  const ts = ref?.['ts'];
  return ts === undefined || ts === '' ? {} : { thread: ts };
}

function missingChannel(role: string): ActionResult {
  return {
    ok: false,
    retry: false,
    reason: 'client',
    detail: `no Slack channel for the role ${role} and no default: set sinks.slack.channels`,
    unknownOutcome: false,
  };
}
