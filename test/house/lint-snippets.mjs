/**
 * Lints snippets with the real eslint.config.mjs as if they stood at the given paths. Reads [{path, code}] as JSON on stdin,
 * prints for each the list of [rule, message]. A process of its own, because ESLint loads its configuration with
 * dynamic imports that jest's module system does not serve.
 *
 * Each path must be of an existing file: type information is computed for the snippet in its place.
 */
import { ESLint } from 'eslint';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const eslint = new ESLint({ cwd: process.cwd() });
const answers = [];
for (const { path, code } of JSON.parse(Buffer.concat(chunks).toString('utf8'))) {
  const [result] = await eslint.lintText(code, { filePath: path });
  answers.push(result.messages.map((each) => [each.ruleId ?? (each.fatal ? 'fatal' : 'inline-comment'), each.message]));
}
process.stdout.write(JSON.stringify(answers));
