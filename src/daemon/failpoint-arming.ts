/** Arms the failpoints of this process or thread from the text of TOCSIN_FAILPOINTS; see src/failpoints.ts. */
import { writeSync } from 'node:fs';
import { armFailpoints } from '../failpoints.js';

export function armFromSpec(spec: string | undefined): void {
  if (spec === undefined || spec === '') return;
  armFailpoints(
    spec,
    (point) => {
      // Synchronous, so that the word is out before the process is gone.
      writeSync(2, `TOCSIN_FAILPOINT ${point}\n`);
      process.kill(process.pid, 'SIGKILL');
      // Nothing may run after the kill was asked for, not even until the kernel delivers it.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
    Math.random,
  );
}
