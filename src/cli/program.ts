/**
 * The commands of `tocsin`, their options and exit codes: 0 done, 1 failed, 2 called wrongly. The daemon's own code is
 * imported only by the commands that run it, so that the ones that ask a daemon answer at once.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Incident } from '../domain/incident.js';
import { programVersion } from '../daemon/version.js';
import { TocsinError } from '../errors.js';
import type { DeadLetter, IncidentDetail, QuarantineItem } from '../ports/store.js';
import { apiGet, apiPost, type ApiOptions } from './api-client.js';
import { renderIncident, renderIncidents, type OutputForm } from './incidents.js';
import type { CliSurroundings } from './surroundings.js';
import { renderDeadLetters, renderQuarantine } from './kept.js';

const DEFAULT_URL = 'http://127.0.0.1:9911';
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs one command line; returns the exit code. */
export async function runCli(argv: readonly string[], surroundings: CliSurroundings): Promise<number> {
  let code = 0;
  const program = buildProgram(surroundings, (result) => {
    code = result;
  });
  try {
    await program.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (error instanceof TocsinError) {
      surroundings.err(`tocsin: ${error.message}`);
      surroundings.err(`(${error.code})`);
      return EXIT_FAILED;
    }
    throw error;
  }
}

function buildProgram(surroundings: CliSurroundings, finish: (code: number) => void): Command {
  const { env, out, err } = surroundings;
  const program = new Command('tocsin')
    .description('Turns alert storms into a few classified incidents, and acts on them.')
    .version(programVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => out(text.trimEnd()), writeErr: (text) => err(text.trimEnd()) });

  program
    .command('serve')
    .description('Run the daemon until SIGTERM or SIGINT; SIGHUP reloads the rules')
    .option('-c, --config <file>', 'configuration file', env['TOCSIN_CONFIG'])
    .option('--roles <list>', 'what this process does: intake, engine, worker', 'intake,engine,worker')
    .action(async (options: { config?: string; roles: string }) => {
      const { runServe } = await import('./serve.js');
      finish(await runServe({ ...surroundings, configPath: options.config, roles: options.roles }));
    });

  program
    .command('check')
    .description('Check configuration and rules offline; problems come as file:line:col')
    .option('-c, --config <file>', 'configuration file', env['TOCSIN_CONFIG'])
    .argument('[rules...]', 'rule files to check instead of those the configuration names')
    .addOption(outputOption(['table', 'json']))
    .action(async (rules: string[], options: { config?: string; output: OutputForm }) => {
      const { runCheck } = await import('./check.js');
      finish(runCheck({ ...surroundings, configPath: options.config, ruleFiles: rules, form: options.output }));
    });

  const incidents = program.command('incidents').alias('incident').description('Incidents of a running daemon');
  withApi(incidents.command('list'), env)
    .description('List incidents, newest first')
    .option('--status <status>', 'only those: open, resolved, merged')
    .option('--limit <n>', 'at most so many', wholeNumber, 50)
    .addOption(outputOption(['table', 'wide', 'json']))
    .action(async (options: ApiOptions & { status?: string; limit: number; output: OutputForm }) => {
      const query = new URLSearchParams({ limit: String(options.limit) });
      if (options.status !== undefined) query.set('status', options.status);
      const { items } = await apiGet<{ items: Incident[] }>(options, `/api/v1/incidents?${query.toString()}`);
      out(renderIncidents(items, options.output, Date.now()));
    });
  withApi(incidents.command('show'), env)
    .description('Show one incident: why it opened, its alerts, notifications and timeline')
    .argument('<id>', 'INC-… or the internal id')
    .addOption(outputOption(['table', 'wide', 'json']))
    .action(async (id: string, options: ApiOptions & { output: OutputForm }) => {
      const detail = await apiGet<IncidentDetail>(options, `/api/v1/incidents/${encodeURIComponent(id)}`);
      out(renderIncident(detail, options.output, Date.now()));
    });

  withApi(program.command('quarantine'), env)
    .description('Bodies that were refused, newest first')
    .option('--limit <n>', 'at most so many', wholeNumber, 20)
    .addOption(outputOption(['table', 'wide', 'json']))
    .action(async (options: ApiOptions & { limit: number; output: OutputForm }) => {
      const { items } = await apiGet<{ items: QuarantineItem[] }>(options, `/api/v1/quarantine?limit=${options.limit}`);
      out(renderQuarantine(items, options.output, Date.now()));
    });

  const letters = program.command('dead-letters').alias('dlq').description('Entries the engine could not apply');
  withApi(letters.command('list'), env)
    .description('List them, newest first')
    .option('--limit <n>', 'at most so many', wholeNumber, 50)
    .addOption(outputOption(['table', 'wide', 'json']))
    .action(async (options: ApiOptions & { limit: number; output: OutputForm }) => {
      const { items } = await apiGet<{ items: DeadLetter[] }>(options, `/api/v1/dead-letters?limit=${options.limit}`);
      out(renderDeadLetters(items, options.output, Date.now()));
    });
  withApi(letters.command('redrive'), env)
    .description('Send one into the input log again, after the cause was mended')
    .argument('<id>', 'id from the list')
    .action(async (id: string, options: ApiOptions) => {
      const path = `/api/v1/dead-letters/${encodeURIComponent(id)}/redrive`;
      const { entry, already } = await apiPost<{ entry: string; already: boolean }>(options, path);
      out(already ? `It was sent again before, as entry ${entry}.` : `Sent again as entry ${entry}.`);
    });

  program
    .command('demo')
    .description('Start a daemon on an embedded Redis, send it a recorded cascade and show what it makes of it')
    .option('--port <n>', 'port of the daemon; 0 takes a free one', wholeNumber, 9911)
    .option('--once', 'stop after showing, instead of running on')
    .action(async (options: { port: number; once?: boolean }) => {
      const { runDemo } = await import('./demo.js');
      finish(await runDemo({ ...surroundings, port: options.port, once: options.once === true }));
    });
  return program;
}

function withApi(command: Command, env: CliSurroundings['env']): Command {
  return command
    .option('--url <address>', 'address of the daemon', env['TOCSIN_URL'] ?? DEFAULT_URL)
    .addOption(
      new Option('--token <token>', 'API token (better: TOCSIN_TOKEN)').default(env['TOCSIN_TOKEN'], 'TOCSIN_TOKEN'),
    );
}

function outputOption(forms: string[]): Option {
  return new Option('-o, --output <form>', 'how to print').choices(forms).default('table');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('must be a whole number.');
  return number;
}
