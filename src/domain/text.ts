/** Foreign text made fit for one line of output: alert text is hostile and can be of any length. */

const CONTROL_AND_DIRECTION = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** At most `max` code points; a cut shows as `…`, which counts. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  // a code point has at most two units: what is behind 2 × (max + 1) cannot matter
  const points = Array.from(text.slice(0, 2 * (max + 1)));
  return points.length <= max ? points.join('') : `${points.slice(0, Math.max(0, max - 1)).join('')}…`;
}

/** One line: control characters, line breaks and marks that turn the direction of text become a space; then `clip`. */
export function plainLine(text: string, max: number): string {
  const head = text.slice(0, 4 * (max + 1));
  const line = head.replace(CONTROL_AND_DIRECTION, ' ').replace(LONE_SURROGATE, '\ufffd').trim();
  return clip(head.length < text.length ? `${line}…` : line, max);
}
