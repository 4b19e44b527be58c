/**
 * Scopes: the labels that say *where* an alert is. Interned, because thousands of alerts share one.
 *
 * Two occurrences may join when no scope label that both have differs and they share a strong one, or neither has any
 * strong label (join key `auto`). Which labels are shared depends only on which ones each has: the masks.
 */
import { canonicalLabels, type Labels, pickLabels } from '../domain/labels.js';

export const SCOPE_LABELS = ['env', 'region', 'cluster', 'namespace', 'node', 'service'] as const;

/** Bits of cluster, namespace, node and service; env and region only separate. */
const STRONG = 0b111100;

const ABSENT = '\u0001';
const SEPARATOR = '\u0000';

export class Scope {
  /** Bit i is set when SCOPE_LABELS[i] is present. */
  readonly mask: number;
  readonly values: readonly string[];
  /** The scope labels that are present: the key of an incident anchored here. */
  readonly labels: Labels;
  readonly fallbackLabels: Labels;
  readonly fallbackKey: string;
  /** Canonical text of `labels`. */
  readonly key: string;
  readonly internKey: string;
  users = 0;
  /** Answers of project(): asked for at every look-up, always for the same few masks. */
  #projected: Map<number, string> | null = null;

  constructor(labels: Labels, fallbackBy: readonly string[], internKey: string) {
    this.labels = pickLabels(labels, SCOPE_LABELS);
    this.key = canonicalLabels(this.labels);
    this.values = SCOPE_LABELS.map((name) => this.labels[name] ?? '');
    this.mask = this.values.reduce((mask, value, index) => (value === '' ? mask : mask | (1 << index)), 0);
    this.fallbackLabels = pickLabels(labels, fallbackBy);
    this.fallbackKey = canonicalLabels(this.fallbackLabels);
    this.internKey = internKey;
  }

  /** The values of the labels in `mask`, as one text. */
  project(mask: number): string {
    this.#projected ??= new Map<number, string>();
    let text = this.#projected.get(mask);
    if (text === undefined) this.#projected.set(mask, (text = this.#build(mask)));
    return text;
  }

  #build(mask: number): string {
    let text = '';
    for (let bit = 0; bit < SCOPE_LABELS.length; bit += 1) {
      if ((mask & (1 << bit)) !== 0) text += this.values[bit] + SEPARATOR;
    }
    return text;
  }
}

/** The labels that two scopes with these masks compare, or null when they can never join. */
export function joinMask(left: number, right: number): number | null {
  const common = left & right;
  if ((common & STRONG) !== 0) return common;
  return (left & STRONG) === 0 && (right & STRONG) === 0 ? common : null;
}

export class ScopePool {
  readonly #scopes = new Map<string, Scope>();
  readonly #names: readonly string[];
  readonly #fallbackBy: readonly string[];

  constructor(fallbackBy: readonly string[]) {
    this.#fallbackBy = fallbackBy;
    this.#names = [...new Set<string>([...SCOPE_LABELS, ...fallbackBy])];
  }

  /** The scope of a label set, with one user more. */
  acquire(labels: Labels): Scope {
    let key = '';
    for (const name of this.#names) {
      const value = labels[name];
      key += (value === undefined || value === '' ? ABSENT : value) + SEPARATOR;
    }
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = new Scope(labels, this.#fallbackBy, key);
      this.#scopes.set(key, scope);
    }
    scope.users += 1;
    return scope;
  }

  release(scope: Scope): void {
    scope.users -= 1;
    if (scope.users === 0) this.#scopes.delete(scope.internKey);
  }
}
