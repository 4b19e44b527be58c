/** docs/configuration.md, written from the schema so that the two cannot disagree (a test compares them). */
import { z } from 'zod';

import { formatDuration } from '../domain/duration.js';
import { DEFAULT_MATRIX, type Matrix } from '../notify/matrix.js';
import { unwrapAll } from './faults.js';
import { configSchema } from './schema.js';
import { DEFAULT_SEVERITY_MAP } from './vocabulary.js';

interface Row {
  readonly key: string;
  readonly form: string;
  readonly fallback: string;
  readonly text: string;
}

const INTRODUCTION = `# Configuration

<!-- Written from src/config/schema.ts; \`UPDATE_DOCS=1 npm run jest -- test/config\` writes it again. -->

One YAML file, \`config/tocsin.yaml\` in this repository being an annotated example with every key at its default. Without a file the daemon runs on
these defaults: it listens on loopback and starts its own Redis.

- **Strict.** A key that is not listed here is an error, with its place in the file and the name that was probably meant. \`tocsin check\` reads the file offline.
- **Durations** have units: \`500ms\`, \`30s\`, \`5m\`, \`1h30m\`, \`14d\`. A bare number is an error. **Sizes** are \`64KiB\`, \`16MiB\`, \`1GiB\`.
- **Secrets** are never written into the file: \`{file: path}\` reads a file (the newline at its end is dropped), \`{env: NAME}\` an environment variable. Both are read at the start.
- **Paths** that are relative start at the folder of the file; without a file, at the working directory.
- **Reachable from outside.** When \`http.listen\` is not a loopback address, every source must say how its senders authenticate (\`auth: none\` if a proxy in front
  does it), and the API needs \`api.tokens\` or \`api.allow_unauthenticated: true\`. Anything else is refused.

`;

/** The whole page. */
export function renderReference(): string {
  const sections = Object.entries(configSchema.shape).map(([name, schema]) => {
    const rows = rowsOf(schema as z.ZodType, name);
    const [own, ...inner] = rows;
    const table = inner.length === 0 ? rows : inner;
    return `## ${name}\n\n${own?.text ?? ''}\n\n${renderTable(table)}`;
  });
  return `${INTRODUCTION}${sections.join('\n')}\n${renderMatrix(DEFAULT_MATRIX)}\n${renderSeverities()}`;
}

function renderTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => `| \`${row.key}\` | ${row.form} | ${row.fallback} | ${row.text} |`);
  return `| key | form | default | meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

function renderMatrix(matrix: Matrix): string {
  const lines = Object.entries(matrix).flatMap(([severity, row]) =>
    Object.entries(row).map(
      ([role, cell]) => `| ${severity} | ${role} | ${cell.channels.join(', ')} | ${formatDuration(cell.delayMs)} |`,
    ),
  );
  return `## The default of notify.matrix\n\n| severity | role | channels | delay |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

function renderSeverities(): string {
  const lines = Object.entries(DEFAULT_SEVERITY_MAP).map(([word, severity]) => `| ${word} | ${severity} |`);
  return `## The default of severity_map\n\n| word | severity |\n|---|---|\n${lines.join('\n')}\n`;
}

/** The key itself, then the keys below it. */
function rowsOf(schema: z.ZodType, key: string): Row[] {
  const own = {
    key,
    form: formOf(schema),
    fallback: defaultOf(schema),
    text: z.globalRegistry.get(schema)?.description ?? '',
  };
  const below = unwrapAll(schema).flatMap((inner): Row[] => {
    if (inner instanceof z.ZodObject) {
      return Object.entries(inner.shape).flatMap(([name, child]) => rowsOf(child as z.ZodType, `${key}.${name}`));
    }
    if (inner instanceof z.ZodRecord) return rowsOf(inner.valueType as z.ZodType, `${key}.<name>`).slice(1);
    if (inner instanceof z.ZodArray) return rowsOf(inner.element as z.ZodType, `${key}[]`).slice(1);
    return [];
  });
  return [own, ...below];
}

function formOf(schema: z.ZodType): string {
  const forms = unwrapAll(schema).map((inner) => {
    const named = z.globalRegistry.get(inner)?.form;
    if (typeof named === 'string') return named;
    if (inner instanceof z.ZodEnum) return inner.options.map((option) => `\`${option}\``).join(' or ');
    if (inner instanceof z.ZodLiteral) return `\`${String(inner.value)}\``;
    if (inner instanceof z.ZodArray) return `list of ${formOf(inner.element as z.ZodType)}`;
    if (inner instanceof z.ZodRecord) return `map of ${formOf(inner.valueType as z.ZodType)}`;
    if (inner instanceof z.ZodObject) return 'keys';
    if (inner instanceof z.ZodNumber) return 'whole number';
    if (inner instanceof z.ZodBoolean) return '`true` or `false`';
    return 'text';
  });
  return [...new Set(forms)].join(' or ');
}

function defaultOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodPipe && !(schema.in instanceof z.ZodUnknown)) return defaultOf(schema.in as z.ZodType);
  if (!(schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault)) return '';
  const value: unknown = schema.def.defaultValue;
  const isEmptyGroup = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (isEmptyGroup) return Array.isArray(value) ? '`[]`' : '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
