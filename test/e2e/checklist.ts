/** A list of checks that people can read: ✓ or ✗ with what was found, and the counts at the end. */

export interface Checklist {
  section(title: string): void;
  /** Records one check; `found` is shown when it failed. */
  check(what: string, ok: boolean, found?: unknown): void;
  /** Prints `N passed, N failed` and returns the number of failures. */
  finish(): number;
}

export function createChecklist(print: (line: string) => void): Checklist {
  let passed = 0;
  let failed = 0;
  return {
    section(title) {
      print(`\n${title}`);
    },
    check(what, ok, found) {
      if (ok) passed += 1;
      else failed += 1;
      print(`  ${ok ? '✓' : '✗'} ${what}${ok || found === undefined ? '' : `\n      found: ${JSON.stringify(found)}`}`);
    },
    finish() {
      print(`\n${passed} passed, ${failed} failed`);
      return failed;
    },
  };
}
