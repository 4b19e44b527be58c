/** A fault of the configuration and where it is: what `tocsin check` and the start print. */
import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type LineCounter, type Node } from 'yaml';

/** Keys and list positions from the top of the document. */
export type KeyPath = readonly (string | number)[];

/** A fault found in the values, before its place in the file is known. */
export interface Fault {
  readonly path: KeyPath;
  readonly message: string;
  /** The fault is the last key itself (an unknown key), not its value. */
  readonly atKey?: boolean;
}

export interface ConfigProblem {
  /** As it was given to loadConfig; `(defaults)` without a file. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `http.limits.body`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** `config/tocsin.yaml:12:5: http.limits.body must be …` */
export function formatConfigProblem(problem: ConfigProblem): string {
  const subject = problem.path === '' ? '' : `${problem.path} `;
  return `${problem.file}:${problem.line}:${problem.column}: ${subject}${problem.message}`;
}

/** `sources.alertmanager.auth.bearer[0]` */
export function formatPath(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const key = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** A parsed YAML file together with what turns offsets into lines. */
export interface PositionedDocument {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** The fault with the position of its value; of the deepest part that exists when the value is missing. */
export function locate(source: PositionedDocument, fault: Fault): ConfigProblem {
  const offset = offsetOf(source.document, fault);
  const { line, col } = source.lines.linePos(offset);
  return {
    file: source.file,
    line: Math.max(line, 1),
    column: Math.max(col, 1),
    path: formatPath(fault.path),
    message: fault.message,
  };
}

function offsetOf(document: Document, fault: Fault): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, part] of fault.path.entries()) {
    const wantsKey = fault.atKey === true && index === fault.path.length - 1;
    const next = child(isAlias(node) ? node.resolve(document) : node, part);
    if (next === undefined) break;
    const keyOffset = startOf(next.key);
    const valueOffset = startOf(next.value);
    // an empty value (`key:`) and a missing one are shown at their key
    offset = (wantsKey || isEmpty(next.value) ? (keyOffset ?? valueOffset) : (valueOffset ?? keyOffset)) ?? offset;
    node = next.value;
  }
  return offset;
}

function child(node: unknown, part: string | number): { key: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof part === 'number') {
    return part < node.items.length ? { key: undefined, value: node.items[part] } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isPair(item) && keyText(item.key) === String(part));
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function isEmpty(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null);
}

function startOf(value: unknown): number | undefined {
  return isNode(value) ? (value as Node).range?.[0] : undefined;
}
