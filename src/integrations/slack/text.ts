/**
 * Foreign text in Slack's markup. `<` starts a link or a mention there (`<!channel>`), so & < > become entities; the
 * spelled-out mass mentions get a zero-width space after the `@`.
 */

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const MASS_MENTION = /@(?=(?:here|channel|everyone|group)\b)/gi;

/** Escaped, at most `max` UTF-16 units, which is how Slack counts; a cut shows as `…` and never splits a character or an entity. */
export function escapeText(text: string, max: number): string {
  let escaped = '';
  for (const point of text.replace(MASS_MENTION, '@\u200b')) {
    const next = ENTITIES[point] ?? point;
    if (escaped.length + next.length > max) return shorten(escaped, max);
    escaped += next;
  }
  return escaped;
}

/** Drops whole characters (an entity is one) from the end until the ellipsis fits. */
function shorten(escaped: string, max: number): string {
  let rest = escaped;
  while (rest.length + 1 > max && rest !== '') rest = rest.replace(/(?:&(?:amp|lt|gt);|[\s\S])$/u, '');
  return `${rest}…`;
}
