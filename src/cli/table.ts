/** Plain text tables in the manner of kubectl: upper-case heads, two spaces between columns, no lines. */

/** Rows under heads, each column as wide as its widest cell; control characters of hostile text are made visible. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(printable));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...clean.map((row) => [...(row[column] ?? '')].length)),
  );
  return [heads, ...clean]
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Alert text must not move the cursor or change colours of the terminal that shows it. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** `14:03:12Z`, with the date when it is not the day of `now`. */
export function formatTime(ms: number, now: number): string {
  const iso = new Date(ms).toISOString();
  const day = iso.slice(0, 10);
  const time = `${iso.slice(11, 19)}Z`;
  return new Date(now).toISOString().slice(0, 10) === day ? time : `${day} ${time}`;
}

/** The two largest units: `3m12s`, `2h5m`, `4d1h`; `0s` for less than a second. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ];
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, size] of units) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0 || parts.length > 0) parts.push(`${amount}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0s' : parts.filter((part) => !/^0\D/.test(part)).join('');
}
