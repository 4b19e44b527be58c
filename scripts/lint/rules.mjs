/**
 * The lint rules of this house. test/house/ proves that each of them bites.
 */
import { builtinModules } from 'node:module';
import path from 'node:path';
import { EFFECTS, LAYERS, PACKAGES } from './layers.mjs';

const BUILTIN = new Set(builtinModules);

/** `store/log.ts` of any path with a `src` folder; undefined outside of it. */
function belowSource(filename) {
  const parts = filename.split(path.sep);
  const index = parts.lastIndexOf('src');
  return index === -1 ? undefined : parts.slice(index + 1).join('/');
}

/** The folder below src, or the name of a file directly in src: `store`, `errors`, `main`. */
function layerOf(below) {
  const [head] = below.split('/');
  return head.replace(/\.ts$/, '');
}

function packageOf(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

/** Every form in which a module can name another one. */
function onImports(visit) {
  const literal = (node, source, typeOnly) => {
    if (source?.type === 'Literal' && typeof source.value === 'string') visit(node, source.value, typeOnly);
  };
  const allTypes = (specifiers) => specifiers.length > 0 && specifiers.every((each) => each.importKind === 'type');
  return {
    ImportDeclaration: (node) => literal(node, node.source, node.importKind === 'type' || allTypes(node.specifiers)),
    ExportNamedDeclaration: (node) => literal(node, node.source, node.exportKind === 'type'),
    ExportAllDeclaration: (node) => literal(node, node.source, node.exportKind === 'type'),
    ImportExpression: (node) => literal(node, node.source, false),
    TSImportType: (node) => literal(node, node.source ?? node.argument?.literal, true),
    'CallExpression[callee.name="require"]': (node) => literal(node, node.arguments[0], false),
  };
}

/** The direction of dependencies: the table of layers.mjs, for folders, npm packages and node's own modules. */
export const layers = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      unknown: '`{{layer}}` is not in the table of layers: say in scripts/lint/layers.mjs what it may import.',
      direction: '{{from}} may not import from {{to}}: the direction of dependencies is in docs/architecture.md.',
      typesOnly: '{{from}} may import only types from {{to}}: write `import type`.',
      node: '{{from}} is pure: it may not import {{name}}. Take what you need as an argument.',
      package: '{{file}} may not import the package {{name}}: its place is in scripts/lint/layers.mjs.',
    },
  },
  create(context) {
    const file = belowSource(context.filename);
    if (file === undefined) return {};
    const from = layerOf(file);
    const layer = LAYERS[from];
    if (layer === undefined) {
      return { Program: (node) => context.report({ node, messageId: 'unknown', data: { layer: from } }) };
    }
    return onImports((node, specifier, typeOnly) => {
      if (specifier.startsWith('.')) {
        const to = layerOf(
          path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)).replace(/\.js$/, '.ts'),
        );
        if (to === from || layer.uses.includes(to)) return;
        if (layer.types?.includes(to)) {
          if (!typeOnly) context.report({ node, messageId: 'typesOnly', data: { from, to } });
          return;
        }
        context.report({ node, messageId: 'direction', data: { from, to } });
        return;
      }
      const name = packageOf(specifier);
      if (specifier.startsWith('node:') || BUILTIN.has(name)) {
        if (layer.pure) context.report({ node, messageId: 'node', data: { from, name: specifier } });
        return;
      }
      if (!PACKAGES[name]?.test(file))
        context.report({ node, messageId: 'package', data: { file: `src/${file}`, name } });
    });
  },
};

/** Calls of a port that change the world run between two failpoints (src/failpoints.ts). Needs type information. */
export const failpoints = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      bare: "{{method}} has an effect: call it inside effectful('{{name}}', () => …), so that the proof can kill us around it.",
      wrong: "{{method}} belongs to the failpoint '{{name}}', not to '{{found}}'.",
    },
  },
  create(context) {
    const services = context.sourceCode.parserServices;
    const checker = services.program.getTypeChecker();
    /** `Outbox.claim` when the called method is declared in an interface of src/ports. */
    const portMethod = (callee) => {
      const symbol = checker.getSymbolAtLocation(services.esTreeNodeToTSNodeMap.get(callee.property));
      for (const declaration of symbol?.declarations ?? []) {
        const owner = declaration.parent;
        const inPorts = /[\\/]src[\\/]ports[\\/]/.test(declaration.getSourceFile().fileName);
        if (inPorts && owner?.name !== undefined) return `${owner.name.text}.${symbol.name}`;
      }
      return undefined;
    };
    /** The failpoint of an enclosing call: `effectful('x', …)`, or a function that takes a FailpointName first and passes it on. */
    const failpointOf = (call) => {
      const [first] = call.arguments;
      if (first?.type !== 'Literal' || typeof first.value !== 'string') return undefined;
      const signature = checker.getResolvedSignature(services.esTreeNodeToTSNodeMap.get(call));
      const declared = signature?.parameters[0]?.valueDeclaration?.type?.getText();
      return declared === 'FailpointName' ? first.value : undefined;
    };
    return {
      'CallExpression[callee.type="MemberExpression"]'(node) {
        const method = portMethod(node.callee);
        const name = EFFECTS[method];
        if (name === undefined) return;
        const around = context.sourceCode.getAncestors(node).filter((each) => each.type === 'CallExpression');
        const found = around.map(failpointOf).findLast((each) => each !== undefined);
        if (found === name) return;
        const messageId = found === undefined ? 'bare' : 'wrong';
        context.report({ node, messageId, data: { method, name, found } });
      },
    };
  },
};
