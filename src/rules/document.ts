/**
 * One rule file as a YAML document that keeps its positions. Strict on purpose: no aliases to expand, no merge keys,
 * no tags, one document, bounded size; so that a hostile or broken file ends as a message and never as a surprise.
 */
import { type Document, isAlias, LineCounter, type ParsedNode, parseDocument, visit } from 'yaml';
import { type RuleFile, type RuleProblem } from './model.js';

export const MAX_RULE_FILE_BYTES = 256 * 1024;

/** Collects the problems of one file and turns offsets into lines and columns. */
export class FileReport {
  readonly problems: RuleProblem[] = [];
  readonly file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.file = file;
    this.#lines = lines;
  }

  error(at: Positioned, code: string, message: string): void {
    this.problems.push({ file: this.file, ...this.place(at), code, severity: 'error', message });
  }

  warning(at: Positioned, code: string, message: string): void {
    this.problems.push({ file: this.file, ...this.place(at), code, severity: 'warning', message });
  }

  place(at: Positioned): { line: number; column: number } {
    const offset = typeof at === 'number' ? at : (at?.range?.[0] ?? 0);
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  get failed(): boolean {
    return this.problems.some((problem) => problem.severity === 'error');
  }
}

/** A node of the document, or an offset in the text. */
export type Positioned = number | { readonly range?: readonly [number, number, number] | null | undefined } | null;

export interface RuleDocument {
  readonly report: FileReport;
  /** Undefined when the text cannot be read at all; the report says why. */
  readonly contents: ParsedNode | null | undefined;
}

/** Reads the YAML of one file. Syntax errors are in the report. */
export function readRuleDocument({ path, text }: RuleFile): RuleDocument {
  const lines = new LineCounter();
  const report = new FileReport(path, lines);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_RULE_FILE_BYTES) {
    report.error(0, 'E-FILE-SIZE', `the file has ${bytes} bytes, at most ${MAX_RULE_FILE_BYTES} are read; split it`);
    return { report, contents: undefined };
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: false,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    prettyErrors: false,
  });
  for (const error of document.errors) reportSyntax(report, text, error.pos[0], error.code, error.message);
  for (const warning of document.warnings) {
    report.error(warning.pos[0], 'E-YAML', `${warning.message}; tags are not part of the rule language`);
  }
  refuseAliases(document, report);
  return { report, contents: report.failed ? undefined : document.contents };
}

/** `count: >=5` and `count: > 5` break the YAML itself; the message of the parser would not help. */
function reportSyntax(report: FileReport, text: string, offset: number, code: string, message: string): void {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end === -1 ? text.length : end);
  const count = /^\s*(?:- )?\s*count:\s*(>=?\s*\d+)/.exec(line);
  if (count !== null) {
    const written = count[1] ?? '>5';
    report.error(
      start + line.indexOf(written),
      'E-COUNT-EMPTY',
      `an unquoted > begins a folded text in YAML; quote it: count: "${written.replaceAll(' ', '')}"`,
    );
    return;
  }
  const already = report.problems.some((problem) => problem.code === 'E-COUNT-EMPTY');
  if (already && code === 'UNEXPECTED_TOKEN') return;
  report.error(offset, 'E-YAML', `${message}; this is not the YAML of a rule file`);
}

function refuseAliases(document: Document, report: FileReport): void {
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        report.error(node, 'E-YAML', `aliases (*${node.source}) are not read in rule files; write the value out`);
      }
    },
  });
}
