#!/usr/bin/env node
/** argv -> cli. The only place besides config/load.ts that looks at the environment. */
import { runCli } from './cli/program.js';

process.exitCode = await runCli(process.argv, {
  env: process.env,
  cwd: process.cwd(),
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
});
