/** The configuration of the replicas: everything that waits, waits shortly, so that a minute holds many of everything. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { stringify } from 'yaml';

import type { ExpectedMatrix } from '../oracle/observation.js';

export const PREFIX = 'proof';
export const PARTITIONS = 3;

interface Cell {
  readonly channels: readonly ('pagerduty' | 'slack')[];
  readonly delay: string;
}

/** severity -> role -> cell, as in the configuration; the oracle reads the same table. */
const MATRIX: Readonly<Record<string, Readonly<Record<string, Cell>>>> = {
  P0: { engineering: { channels: ['pagerduty', 'slack'], delay: '0s' } },
  P1: {
    engineering: { channels: ['pagerduty', 'slack'], delay: '0s' },
    eng_lead: { channels: ['slack'], delay: '2s' },
  },
  P2: {
    engineering: { channels: ['slack'], delay: '0s' },
    eng_lead: { channels: ['slack'], delay: '3s' },
  },
};

export const ROLES = ['engineering', 'eng_lead'] as const;

export const EXPECTED_MATRIX: ExpectedMatrix = Object.fromEntries(
  Object.entries(MATRIX).map(([severity, row]) => [
    severity,
    Object.entries(row).flatMap(([role, { channels }]) => channels.map((channel) => ({ role, channel }))),
  ]),
);

/** 32 characters, as PagerDuty's are; the journal tells the role by it. */
export function routingKeyOf(role: string): string {
  return role.padEnd(32, '0').slice(0, 32);
}

export function slackChannelOf(role: string): string {
  return `#${role}`;
}

export interface ReplicaSettings {
  readonly name: string;
  readonly dir: string;
  readonly port: number;
  readonly redisSocket: string;
  readonly durability: 'strict' | 'accept-loss';
  readonly rules: string;
  readonly pagerduty: { readonly port: number; readonly caFile: string };
  readonly slack: { readonly port: number };
}

/** Writes the configuration of one replica and returns its path. */
export function writeReplicaConfig(settings: ReplicaSettings): string {
  const secrets = join(settings.dir, 'secrets');
  mkdirSync(secrets, { recursive: true });
  const secret = (name: string, value: string): { file: string } => {
    const file = join(secrets, name);
    writeFileSync(file, `${value}\n`, { mode: 0o600 });
    return { file };
  };
  const routingKeys = ROLES.map((role) => [role, secret(`pagerduty-${role}`, routingKeyOf(role))] as const);
  const config = {
    http: { listen: `127.0.0.1:${settings.port}` },
    redis: { url: settings.redisSocket, prefix: PREFIX, durability: settings.durability },
    partitions: { count: PARTITIONS, by: ['cluster'] },
    sources: { alertmanager: { type: 'alertmanager' }, events: { type: 'events' } },
    rules: { files: [settings.rules] },
    engine: { lease_ttl: '1s', flap_window: '500ms', resolve_after: '500ms', reorder_window: '1h', batch: 16 },
    notify: { matrix: MATRIX },
    sinks: {
      pagerduty: {
        server: `127.0.0.1:${settings.pagerduty.port}`,
        ca_file: settings.pagerduty.caFile,
        routing_keys: Object.fromEntries(routingKeys),
      },
      slack: {
        api_url: `http://127.0.0.1:${settings.slack.port}/api/`,
        token: secret('slack-token', 'xoxb-proof'),
        channels: Object.fromEntries(ROLES.map((role) => [role, slackChannelOf(role)])),
      },
    },
    workers: { claim_ttl: '2s', visibility: '1s', retry: { first: '100ms', max: '1s' } },
    log: { level: 'warn' },
  };
  const path = join(settings.dir, `${settings.name}.yaml`);
  writeFileSync(path, stringify(config));
  return path;
}
