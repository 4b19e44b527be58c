/** Are the installed npm packages those of package-lock.json? Decided by content: a checkout changes times, not packages. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.mjs';

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** Why `npm ci` is needed, or undefined when it is not. */
export function packagesDiffer(root) {
  const installedFile = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'node_modules is missing';
  const installed = read(installedFile);
  for (const [name, wanted] of Object.entries(read(path.join(root, 'package-lock.json')))) {
    if (name === '') continue;
    const present = installed[name];
    // Packages for other systems are optional and rightly absent.
    if (present === undefined && (wanted.optional === true || wanted.devOptional === true)) continue;
    if (present?.version !== wanted.version) {
      return `${name.replace(/^.*node_modules\//, '')} is ${present?.version ?? 'missing'}, the lock file has ${wanted.version}`;
    }
  }
  return undefined;
}

/** Installs exactly the lock file, dev packages included. Throws SetupError with npm's output. */
export function installPackages(root) {
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    failure:
      '`npm ci` failed: see its output. A network or proxy problem shows as ENOTFOUND, ECONNREFUSED or ETIMEDOUT.',
  });
}
