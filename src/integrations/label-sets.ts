/**
 * Label sets as they come from outside: checked, brought to one form, bounded.
 *
 * A set that is too large is cut and marked, not refused: refusing the webhook would lose the other alerts in it, because
 * senders take a 4xx as final.
 */
import type { NormalisationSettings } from '../ports/source.js';

export const MOST_LABELS = 128;
export const LONGEST_LABEL_VALUE = 2_048;
export const LONGEST_ANNOTATION = 4_096;
const LONGEST_NAME = 256;
/** What describes the exporter instead of what it watches. */
const EXPORTER_LABELS = ['service', 'job', 'instance', 'endpoint'];

/** The same settings as sets, built once for each configuration. */
export interface LabelPolicy {
  readonly identityDrop: ReadonlySet<string>;
  readonly exporterJobs: ReadonlySet<string>;
  readonly serviceLabels: readonly string[];
}

const policies = new WeakMap<NormalisationSettings, LabelPolicy>();

export function labelPolicy(settings: NormalisationSettings): LabelPolicy {
  let policy = policies.get(settings);
  if (policy === undefined) {
    policy = {
      identityDrop: new Set(settings.identityDrop),
      exporterJobs: new Set(settings.exporterJobs),
      serviceLabels: settings.serviceLabels,
    };
    policies.set(settings, policy);
  }
  return policy;
}

export type Count = (mark: string) => void;

export type TextMap = Record<string, string>;

/** The first member that is not a text, as a JSON path below `path`; undefined when the map is right. */
export function faultInTextMap(map: unknown, path: string): { path: string; problem: string } | undefined {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    return { path, problem: `${path} must be an object of strings` };
  }
  for (const key in map) {
    if (key === '__proto__') return { path, problem: `${path} must not have the key __proto__` };
    if (typeof (map as Record<string, unknown>)[key] !== 'string') {
      const at = `${path}.${key.slice(0, 100)}`;
      return { path: at, problem: `${at} must be a string` };
    }
  }
  return undefined;
}

/**
 * The map with at most MOST_LABELS entries whose values have at most `longest` characters: the map itself when it is like
 * that already, which is nearly always, else a copy.
 */
export function bounded(map: TextMap, longest: number, count: Count, dropped?: ReadonlySet<string>): TextMap {
  return isBounded(map, longest, dropped) ? map : boundedCopy(map, longest, count, dropped);
}

function isBounded(map: TextMap, longest: number, dropped: ReadonlySet<string> | undefined): boolean {
  let size = 0;
  for (const key in map) {
    size += 1;
    if (size > MOST_LABELS || key.length > LONGEST_NAME || (map[key] as string).length > longest) return false;
    if (dropped?.has(key) === true) return false;
  }
  return true;
}

function boundedCopy(map: TextMap, longest: number, count: Count, dropped: ReadonlySet<string> | undefined): TextMap {
  const copy: TextMap = {};
  let size = 0;
  for (const key in map) {
    if (dropped?.has(key) === true) continue;
    if (size === MOST_LABELS || key.length > LONGEST_NAME) {
      count('too_many_labels');
      continue;
    }
    const value = map[key] as string;
    if (value.length > longest) count('text_cut');
    copy[key] = value.length > longest ? cut(value, longest) : value;
    size += 1;
  }
  return copy;
}

/** At most `longest` characters, never half a surrogate pair. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Drops what describes the exporter, then names the service. Gives the same labels when there is nothing to change. */
export function normaliseScope(given: TextMap, policy: LabelPolicy): TextMap {
  const { job } = given;
  let labels = given;
  if (job !== undefined && policy.exporterJobs.has(job)) {
    labels = { ...given };
    for (const name of EXPORTER_LABELS) delete labels[name];
  }
  for (const name of policy.serviceLabels) {
    const value = labels[name];
    if (value === undefined || value === '') continue;
    return labels.service === value ? labels : { ...labels, service: value };
  }
  return labels;
}
