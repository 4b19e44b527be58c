/**
 * A fake receiver as its own process:
 *
 *   tsx test/kit/fakes/main.ts --pagerduty|--slack --port 0 --journal FILE [--tls-dir DIR] [--seed N]
 *       [--fail 0.03] [--limit 0] [--drop 0.03] [--slow 0] [--slow-ms 1000]
 *
 * Prints one line of JSON when it listens: `{"kind", "port", "server" | "api_url", "ca_file"}`. With the same --journal
 * and --tls-dir a restarted one goes on where the killed one was. SIGTERM ends it.
 */
import { existsSync, mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createSelfSigned, type SelfSigned } from './certificate.js';
import { seededRandom } from './faults.js';
import { startFakePagerDuty } from './pagerduty.js';
import { startFakeSlack } from './slack.js';

const { values } = parseArgs({
  options: {
    pagerduty: { type: 'boolean', default: false },
    slack: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    journal: { type: 'string' },
    'tls-dir': { type: 'string' },
    seed: { type: 'string' },
    fail: { type: 'string', default: '0' },
    limit: { type: 'string', default: '0' },
    drop: { type: 'string', default: '0' },
    slow: { type: 'string', default: '0' },
    'slow-ms': { type: 'string', default: '1000' },
  },
});

const common = {
  port: Number(values.port),
  failRate: Number(values.fail),
  limitRate: Number(values.limit),
  dropRate: Number(values.drop),
  slowRate: Number(values.slow),
  slowMs: Number(values['slow-ms']),
  random: values.seed === undefined ? Math.random : seededRandom(Number(values.seed)),
  ...(values.journal !== undefined && { journal: values.journal }),
};

process.on('SIGTERM', () => process.exit(0));
if (values.pagerduty === values.slack) throw new Error('say either --pagerduty or --slack');
if (values.pagerduty) {
  const dir = values['tls-dir'] ?? mkdtempSync(join(tmpdir(), 'tocsin-fake-'));
  const fake = await startFakePagerDuty({ ...common, tls: keptCertificate(dir) });
  announce({ kind: 'pagerduty', port: fake.port, server: fake.server, ca_file: join(dir, 'ca.pem') });
} else {
  const fake = await startFakeSlack(common);
  announce({ kind: 'slack', port: fake.port, api_url: fake.apiUrl });
}

function announce(facts: object): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}

function keptCertificate(dir: string): SelfSigned {
  mkdirSync(dir, { recursive: true });
  const [certFile, keyFile] = [join(dir, 'ca.pem'), join(dir, 'key.pem')];
  if (existsSync(keyFile)) return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const made = createSelfSigned(Date.now());
  writeFileSync(certFile, made.cert);
  writeFileSync(keyFile, made.key, { mode: 0o600 });
  return made;
}
