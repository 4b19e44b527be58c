/**
 * Durations in Prometheus form: `1h30m`, units w d h m s ms in that order, each at most once.
 * Milliseconds inside. A bare number is an error: its unit would be a guess.
 */

const UNITS: readonly (readonly [string, number])[] = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
const FORM = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds, or undefined when the text is not a duration (a bare number, an unknown unit, a wrong order). */
export function parseDuration(text: string): number | undefined {
  const parts = text === '' ? null : FORM.exec(text);
  if (parts === null) return undefined;
  let total = 0;
  UNITS.forEach(([, factor], index) => {
    const amount = parts[index + 1];
    if (amount !== undefined) total += Number(amount) * factor;
  });
  return Number.isSafeInteger(total) ? total : undefined;
}

/** The shortest exact form, e.g. 5_400_000 -> `1h30m`; 0 -> `0s`. Negative values get a leading `-`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, factor] of UNITS) {
    const amount = Math.floor(rest / factor);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * factor;
  }
  return text === '' ? '0s' : text;
}
