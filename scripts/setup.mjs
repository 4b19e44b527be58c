/**
 * Makes a fresh checkout ready to run: npm packages, a Redis or Valkey server, the build. Needs nothing but Node, so it
 * may not import a package. Does nothing, fast, when nothing is to do; says what it does otherwise.
 *
 *   node scripts/setup.mjs [--no-server] [--no-build]
 */
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildIsOlder, build } from './setup/build.mjs';
import { checkNode } from './setup/node-version.mjs';
import { installPackages, packagesDiffer } from './setup/packages.mjs';
import { SetupError } from './setup/run.mjs';
import { findServer, MINIMUM_SERVER } from './setup/server.mjs';
import { installServer } from './setup/install-server.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function setUp(flags) {
  checkNode(root, process.versions.node);
  const reason = packagesDiffer(root);
  if (reason !== undefined) {
    say(`installing the npm packages with \`npm ci\` (${reason})`);
    installPackages(root);
  }
  if (!flags.includes('--no-server')) {
    const found = findServer(root, process.env.PATH ?? '');
    for (const old of found.tooOld)
      say(`${old.program} is version ${old.version}, at least ${MINIMUM_SERVER} is needed: ignored`);
    if (found.server === undefined) {
      const installed = installServer(root, say);
      say(`installed ${installed.program} ${installed.version}`);
    }
  }
  if (!flags.includes('--no-build') && buildIsOlder(root)) {
    say('building (src is newer than dist)');
    build(root);
  }
}

try {
  setUp(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\nsetup: ${error.message}\n`);
  process.exitCode = 1;
}
