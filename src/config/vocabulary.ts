/** Longer defaults and patterns of the schema. */
import type { Severity } from '../domain/severity.js';

/** Names of sources, roles and channels: they become parts of addresses, keys and ids. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Jobs whose own labels describe the exporter and not what it watches. */
export const DEFAULT_EXPORTER_JOBS = [
  'kube-state-metrics',
  'node-exporter',
  'node_exporter',
  'node',
  'blackbox',
  'blackbox-exporter',
  'blackbox_exporter',
  'kubelet',
  'cadvisor',
  'snmp-exporter',
  'pushgateway',
  'statsd-exporter',
] as const;

/** The sender's word -> severity of the alert. */
export const DEFAULT_SEVERITY_MAP: Readonly<Record<string, Severity>> = {
  critical: 'P1',
  page: 'P1',
  emergency: 'P1',
  high: 'P2',
  error: 'P2',
  major: 'P2',
  warning: 'P3',
  minor: 'P3',
  info: 'P4',
  none: 'P4',
  debug: 'P4',
};
