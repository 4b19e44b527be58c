/**
 * Incident severity, P0 (critical) to P4 (informational), and its order.
 * Source of the names: the severity matrix of docs/notifications.md.
 */

/** From worst to mildest. The index in this list is the order. */
export const SEVERITIES = ['P0', 'P1', 'P2', 'P3', 'P4'] as const;

export type Severity = (typeof SEVERITIES)[number];

export const SEVERITY_NAMES: Readonly<Record<Severity, string>> = {
  P0: 'Critical',
  P1: 'High',
  P2: 'Medium',
  P3: 'Low',
  P4: 'Informational',
};

export function isSeverity(value: unknown): value is Severity {
  return typeof value === 'string' && (SEVERITIES as readonly string[]).includes(value);
}

/** Negative when `a` is worse than `b`, 0 when equal, positive when milder. */
export function compareSeverity(a: Severity, b: Severity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

/** The worst of the given levels; undefined entries do not count. */
export function worstSeverity(...levels: (Severity | undefined)[]): Severity | undefined {
  let worst: Severity | undefined;
  for (const level of levels) {
    if (level !== undefined && (worst === undefined || compareSeverity(level, worst) < 0)) worst = level;
  }
  return worst;
}

export function isAtLeast(level: Severity, threshold: Severity): boolean {
  return compareSeverity(level, threshold) <= 0;
}
