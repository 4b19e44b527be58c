/** Refuses a Node that is too old, before anything fails in a way nobody understands. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './run.mjs';

/** Whether `20.19.1` is at least `20.19`, number by number. */
export function isAtLeast(version, minimum) {
  const have = version.split('.').map(Number);
  const want = minimum.split('.').map(Number);
  for (let index = 0; index < want.length; index += 1) {
    const difference = (have[index] || 0) - want[index];
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Throws SetupError when `current` is older than `engines.node` of package.json. */
export function checkNode(root, current) {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const minimum = engines.node.replace('>=', '').trim();
  if (!isAtLeast(current, minimum)) {
    throw new SetupError(
      `Tocsin needs Node ${minimum} or newer, this is Node ${current}. Install a newer one from https://nodejs.org/ or with nvm.`,
    );
  }
}
