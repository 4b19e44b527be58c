/** What a command gets from the process: nothing in cli/ looks at process.env or writes to a stream by itself. */

export interface CliSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}
