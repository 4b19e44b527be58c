/** Label sets: flat string maps, as Prometheus and Alertmanager have them. */

export type Labels = Readonly<Record<string, string>>;

/**
 * One text for one label set, whatever the order of its keys: used in ids and keys.
 * JSON of the sorted pairs, so that no value can imitate a separator.
 */
export function canonicalLabels(labels: Labels): string {
  const names = Object.keys(labels).sort();
  return JSON.stringify(names.map((name) => [name, labels[name]]));
}

/** The named labels that are present and not empty, in the order of `names`. */
export function pickLabels(labels: Labels, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = labels[name];
    if (value !== undefined && value !== '') picked[name] = value;
  }
  return picked;
}

/** `service=checkout, cluster=eu1` for people; `(none)` for the empty set. */
export function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? '(none)' : pairs.join(', ');
}
