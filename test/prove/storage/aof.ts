/** Reads an append-only file of Redis: where its commands and transactions begin and end. */

export interface AofUnit {
  readonly from: number;
  /** First byte after it. */
  readonly to: number;
  /** Byte offsets at which its commands begin. */
  readonly commands: readonly number[];
  /** The keys named first in its commands. */
  readonly keys: readonly string[];
}

const CARRIAGE_RETURN = 0x0d;
const STAR = 0x2a;

/** The units of the file in order: a MULTI…EXEC block, or a single command. Throws when the file is not RESP. */
export function readUnits(file: Buffer): AofUnit[] {
  const units: AofUnit[] = [];
  let open: { from: number; commands: number[]; keys: string[] } | undefined;
  for (let at = 0; at < file.length;) {
    const { words, to } = readCommand(file, at);
    const verb = words[0]?.toUpperCase();
    if (verb === 'MULTI') {
      open = { from: at, commands: [at], keys: [] };
    } else if (open === undefined) {
      units.push({ from: at, to, commands: [at], keys: words.slice(1, 2) });
    } else {
      open.commands.push(at);
      if (verb === 'EXEC') {
        units.push({ ...open, to });
        open = undefined;
      } else {
        open.keys.push(words[1] ?? '');
      }
    }
    at = to;
  }
  return units;
}

/** Only the first two words are kept: the verb and its key. */
function readCommand(file: Buffer, from: number): { words: string[]; to: number } {
  if (file[from] !== STAR) throw new Error(`byte ${from} of the append-only file does not begin a command`);
  const count = readLine(file, from + 1);
  const words: string[] = [];
  let at = count.to;
  for (let word = 0; word < count.value; word += 1) {
    const length = readLine(file, at + 1);
    if (word < 2) words.push(file.toString('utf8', length.to, length.to + length.value));
    at = length.to + length.value + 2;
  }
  return { words, to: at };
}

function readLine(file: Buffer, from: number): { value: number; to: number } {
  const end = file.indexOf(CARRIAGE_RETURN, from);
  return { value: Number(file.toString('latin1', from, end)), to: end + 2 };
}
