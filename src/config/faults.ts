/** Turns what zod says about a document into sentences that say what to write. */
import { z } from 'zod';

import type { Fault, KeyPath } from './problem.js';
import { shown } from './scalars.js';
import { closest } from './suggest.js';

type Issue = z.core.$ZodIssue;

/** One fault an issue; unknown keys give one each. `schema` is the root, for the names that would have been right. */
export function faultsOf(error: z.ZodError, schema: z.ZodType, document: unknown): Fault[] {
  return error.issues.flatMap((issue) => describe(issue, [], schema, document));
}

function describe(issue: Issue, base: KeyPath, schema: z.ZodType, document: unknown): Fault[] {
  const path = [...base, ...issue.path] as KeyPath;
  const found = valueAt(document, path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, known), atKey: true }));
  }
  if (issue.code === 'invalid_union') {
    // the alternative that recognised the value and found the fault inside it speaks; else all are named
    const inside = issue.errors.find((errors) => errors.length > 0 && errors.every((each) => each.path.length > 0));
    if (inside !== undefined) return inside.flatMap((each) => describe(each, path, schema, document));
    return [{ path, message: `${issue.message}, got ${shown(found)}` }];
  }
  if (found === null) {
    return [{ path, message: `has no value: YAML reads an empty value as nothing${hashHint(issue)}` }];
  }
  if (found === undefined) return [{ path, message: 'is missing' }];
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const guess = typeof found === 'string' ? closest(found, values) : undefined;
    return [{ path, message: `must be one of ${values.join(', ')}, got ${shown(found)}${didYouMean(guess)}` }];
  }
  if (issue.code === 'invalid_type')
    return [{ path, message: `must be ${NOUNS[issue.expected] ?? issue.expected}, got ${shown(found)}` }];
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues[0]?.message ?? 'is not a valid name', atKey: true }];
  }
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    const [word, bound] = issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum];
    const noun = issue.origin === 'array' ? ' entries' : issue.origin === 'string' ? ' characters' : '';
    return [{ path, message: `must ${noun === '' ? 'be' : 'have'} ${word} ${String(bound)}${noun}` }];
  }
  return [{ path, message: issue.message }];
}

const NOUNS: Readonly<Record<string, string>> = {
  object: 'a group of keys',
  record: 'a group of keys',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function hashHint(issue: Issue): string {
  return issue.code === 'invalid_type' && issue.expected === 'string' ? '; quote text that begins with # or >' : '';
}

function unknownKey(key: string, known: readonly string[]): string {
  const guess = closest(key, known);
  if (guess !== undefined) return `is not a known key${didYouMean(guess)}`;
  return known.length === 0 ? 'is not a known key' : `is not a known key; known here: ${known.join(', ')}`;
}

function didYouMean(guess: string | undefined): string {
  return guess === undefined ? '' : `; did you mean ${guess}?`;
}

function valueAt(document: unknown, path: KeyPath): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** The keys the schema knows at a path; none where any key is allowed. */
function keysAt(root: z.ZodType, path: KeyPath): readonly string[] {
  let schemas: readonly z.ZodType[] = [root];
  for (const part of path) schemas = schemas.flatMap((schema) => step(schema, String(part)));
  return schemas.flatMap((schema) => {
    const inner = unwrapAll(schema);
    return inner.flatMap((each) => {
      if (each instanceof z.ZodObject) return Object.keys(each.shape);
      if (each instanceof z.ZodRecord && each.keyType instanceof z.ZodEnum) return each.keyType.options.map(String);
      return [];
    });
  });
}

function step(schema: z.ZodType, part: string): readonly z.ZodType[] {
  return unwrapAll(schema).flatMap((inner): readonly z.ZodType[] => {
    if (inner instanceof z.ZodObject) {
      const next = (inner.shape as Record<string, z.ZodType>)[part];
      return next === undefined ? [] : [next];
    }
    if (inner instanceof z.ZodRecord) return [inner.valueType as z.ZodType];
    if (inner instanceof z.ZodArray) return [inner.element as z.ZodType];
    return [];
  });
}

/** The schema without its wrappers (default, prefault, optional, transform); the alternatives of a union. */
export function unwrapAll(schema: z.ZodType): readonly z.ZodType[] {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return unwrapAll(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodPipe && !(schema.in instanceof z.ZodUnknown)) return unwrapAll(schema.in as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => unwrapAll(option as z.ZodType));
  return [schema];
}
