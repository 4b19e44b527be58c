/** Is dist/ the build of src/? Compares times: the build leaves a stamp with the time at which it began. */
import { closeSync, existsSync, openSync, readdirSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

const INPUTS = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/copy-assets.mjs'];
const STAMP = path.join('dist', '.built');

/** Latest change below the path, ms. Folders count too: they change when a file is removed. */
function latestChange(place) {
  const stat = statSync(place);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(place).reduce(
    (latest, name) => Math.max(latest, latestChange(path.join(place, name))),
    stat.mtimeMs,
  );
}

export function buildIsOlder(root) {
  const stamp = path.join(root, STAMP);
  if (!existsSync(stamp) || !existsSync(path.join(root, 'dist', 'main.js'))) return true;
  const builtAt = statSync(stamp).mtimeMs;
  return INPUTS.some((input) => latestChange(path.join(root, input)) > builtAt);
}

/** Throws SetupError with the compiler's output. */
export function build(root) {
  const startedAt = new Date();
  run('npm', ['run', '--silent', 'build'], { cwd: root, failure: 'the build failed' });
  const stamp = path.join(root, STAMP);
  closeSync(openSync(stamp, 'w'));
  utimesSync(stamp, startedAt, startedAt);
}
