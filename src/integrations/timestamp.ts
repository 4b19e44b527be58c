/** Times as senders write them. */

/** RFC 3339, any number of fraction digits, any offset. */
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Milliseconds since the epoch (fractions of a millisecond are dropped), or undefined when it is not RFC 3339. */
export function parseRfc3339(text: string): number | undefined {
  if (!RFC3339.test(text)) return undefined;
  const ms = Date.parse(text.length > 20 ? cutFraction(text) : text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Prometheus writes up to nine fraction digits, the language promises to read three. */
function cutFraction(text: string): string {
  const end = text.search(/(?:[Zz]|[+-]\d\d:\d\d)$/);
  return end > 23 ? text.slice(0, 23) + text.slice(end) : text;
}
