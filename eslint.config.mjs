/**
 * What the linter holds: the direction of dependencies, the purity of the core, failpoints around every effect, and the
 * usual mistakes with promises. `test/house/` proves that the rules bite.
 */
import path from 'node:path';
import tseslint from 'typescript-eslint';
import { LAYERS } from './scripts/lint/layers.mjs';
import { failpoints, layers } from './scripts/lint/rules.mjs';

const pureFiles = Object.entries(LAYERS)
  .filter(([, layer]) => layer.pure)
  .map(([folder]) => `src/${folder}/**/*.ts`);

const forbiddenSyntax = [
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  { selector: 'TSEnumDeclaration', message: 'No enums: a union of literals, or `as const`.' },
  { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'No namespaces: a file is a module.' },
  {
    selector: 'TSAsExpression > TSAnyKeyword, TSTypeAssertion > TSAnyKeyword',
    message: 'No `any`: `unknown`, and look at the value.',
  },
];

const IMPURE = 'The core is pure: take it as an argument (the engine gets `now` from the log entry).';
const impureSyntax = [
  { selector: ':function[async=true]', message: `No async functions. ${IMPURE}` },
  { selector: 'AwaitExpression', message: `No await. ${IMPURE}` },
  { selector: 'ForOfStatement[await=true]', message: `No await. ${IMPURE}` },
  { selector: 'ImportExpression', message: `No dynamic import. ${IMPURE}` },
  { selector: 'MetaProperty[meta.name="import"]', message: `No import.meta. ${IMPURE}` },
  {
    selector: 'NewExpression[callee.name="Date"]:not([arguments.length=1])',
    message: `\`new Date(ms)\` with exactly one argument: the clock and the local time zone are not inputs. ${IMPURE}`,
  },
  { selector: 'CallExpression[callee.name="Date"]', message: `\`Date()\` reads the clock. ${IMPURE}` },
  {
    selector:
      'MemberExpression[property.name=/^(get(FullYear|Month|Date|Day|Hours|Minutes|Seconds|TimezoneOffset)|toLocale\\w*|localeCompare)$/]',
    message: `The machine's time zone and language are not inputs: use the UTC form, compare with < and >. ${IMPURE}`,
  },
];

const impureGlobals = [
  ...['process', 'console', 'performance', 'crypto', 'fetch', 'WebSocket', 'Buffer', 'global', 'globalThis', 'require'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate', 'queueMicrotask'],
  ...[
    'Promise',
    'AbortController',
    'AbortSignal',
    'EventTarget',
    'WeakRef',
    'FinalizationRegistry',
    'Atomics',
    'Intl',
    'Worker',
  ],
].map((name) => ({ name, message: IMPURE }));

const environment = {
  object: 'process',
  property: 'env',
  message: 'The environment is read in config/load.ts and main.ts only: take the value as an argument.',
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.tocsin/', 'test/fixtures/', 'test/golden/'] },
  { linterOptions: { noInlineConfig: true } },
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: path.resolve(import.meta.dirname) } },
    plugins: { tocsin: { rules: { layers, failpoints } } },
    rules: {
      'max-lines': ['error', { max: 400 }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-console': 'error',
      'no-self-compare': 'error',
      'no-unreachable-loop': 'error',
      'func-style': ['error', 'declaration', { allowArrowFunctions: true }],
      'no-restricted-syntax': ['error', ...forbiddenSyntax],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'separate-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // Interfaces of ports are async because some implementation needs it; not every one does.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'tocsin/layers': 'error',
      'tocsin/failpoints': 'error',
      'no-restricted-properties': ['error', environment],
    },
  },
  { files: ['src/main.ts', 'src/config/load.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: pureFiles,
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': [
        'error',
        environment,
        { object: 'Date', property: 'now', message: IMPURE },
        { object: 'Math', property: 'random', message: IMPURE },
      ],
      'no-restricted-syntax': ['error', ...forbiddenSyntax, ...impureSyntax],
    },
  },
  {
    // What a test reads of a reply is looked at by its expectations, not by types.
    files: ['test/**/*.ts'],
    rules: Object.fromEntries(
      ['argument', 'assignment', 'call', 'member-access', 'return']
        .map((name) => [`@typescript-eslint/no-unsafe-${name}`, 'off'])
        .concat([['@typescript-eslint/unbound-method', 'off']]),
    ),
  },
  {
    // A test prints nothing, but the long-running proofs and benches report to a terminal.
    files: ['test/prove/**', 'test/bench/**', 'test/e2e/**'],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.mjs', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
);
