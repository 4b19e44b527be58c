/** Log lines for a terminal: `03:02:11.500 INFO  listening address=127.0.0.1:9911`, an error's stack below. */
import type { DestinationStream } from 'pino';

const HIDDEN = new Set(['time', 'level', 'msg', 'err']);
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export function prettyStream(target: DestinationStream): DestinationStream {
  return {
    write(line: string): void {
      target.write(`${formatLine(line)}\n`);
    },
  };
}

/** One line of pino's JSON for people. Control characters are shown escaped: alert text must not steer the terminal. */
export function formatLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return escapeControls(line.trimEnd());
  }
  const time = String(entry.time).slice(11, 23);
  const level = String(entry.level).toUpperCase().padEnd(5);
  const fields = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .map(
      ([key, value]) => ` ${key}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
    )
    .join('');
  const error = entry.err as { stack?: unknown; message?: unknown } | undefined;
  const trace = error === undefined ? '' : `\n  ${String(error.stack ?? error.message).replaceAll('\n', '\n  ')}`;
  return escapeControls(`${time} ${level} ${typeof entry.msg === 'string' ? entry.msg : ''}${fields}${trace}`);
}

function escapeControls(text: string): string {
  return text.replace(CONTROL, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
