/** A flag that is raised once and can be waited for, with a time limit: ends waits at a stop without polling. */
export class Signal {
  raised = false;
  readonly #waiting = new Set<() => void>();

  raise(): void {
    this.raised = true;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves after `ms`, or at once when raised. */
  wait(ms: number): Promise<void> {
    if (this.raised) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
