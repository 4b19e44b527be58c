/** The few statistics of the report. */

/** The middle value; of an even number of values the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The smallest value that at least the share `q` (0 to 1) of the values does not exceed (nearest rank). NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** Several readings of one figure: the median is the figure, the spread is shown with it. */
export interface Reading {
  readonly median: number;
  readonly values: readonly number[];
}

export function reading(values: readonly number[]): Reading {
  return { median: median(values), values };
}
