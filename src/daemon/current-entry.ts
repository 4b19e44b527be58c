/**
 * Which entry the engine thread is deciding right now, in memory shared with the supervisor: readable even when the
 * thread spins or died of memory exhaustion.
 */
export class CurrentEntry {
  readonly #cells: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(CurrentEntry.BYTES)) {
    this.#cells = new Float64Array(buffer);
  }

  static readonly BYTES = 32;

  get buffer(): SharedArrayBuffer {
    return this.#cells.buffer as SharedArrayBuffer;
  }

  set(partition: number, entryId: string): void {
    const dash = entryId.indexOf('-');
    this.#cells[1] = partition;
    this.#cells[2] = Number(entryId.slice(0, dash));
    this.#cells[3] = Number(entryId.slice(dash + 1));
    this.#cells[0] = 1;
  }

  clear(): void {
    this.#cells[0] = 0;
  }

  get(): { partition: number; entry: string } | undefined {
    if (this.#cells[0] !== 1) return undefined;
    return { partition: this.#cells[1] as number, entry: `${this.#cells[2]}-${this.#cells[3]}` };
  }
}
