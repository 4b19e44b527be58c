/** The index answers as a comparison with everything would. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventRecord } from '../../src/engine/model.js';
import { compareOccurrences, OccurrenceIndex } from '../../src/engine/occurrence-index.js';
import { type Scope, SCOPE_LABELS, ScopePool } from '../../src/engine/scope.js';

const STRONG = ['cluster', 'namespace', 'node', 'service'];

/** The rule as it is written: no scope label differs, and a strong one is shared unless neither has any. */
function joins(left: Scope['labels'], right: Scope['labels']): boolean {
  for (const label of SCOPE_LABELS) {
    if (left[label] !== undefined && right[label] !== undefined && left[label] !== right[label]) return false;
  }
  const hasStrong = (labels: Scope['labels']): boolean => STRONG.some((label) => labels[label] !== undefined);
  if (!hasStrong(left) && !hasStrong(right)) return true;
  return STRONG.some((label) => left[label] !== undefined && right[label] !== undefined);
}

const value = fc.constantFrom('a', 'b');
const labels = fc.record(
  { env: value, region: value, cluster: value, namespace: value, node: value, service: value },
  { requiredKeys: [] },
) as fc.Arbitrary<Record<string, string>>;

const action = fc.record({
  what: fc.constantFrom('add', 'add', 'remove', 'remove-all', 'ask'),
  labels,
  at: fc.nat(20),
  pick: fc.nat(50),
});

it('finds exactly what may join, in order, whatever was added, removed and asked before', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const pool = new ScopePool([]);
      const index = new OccurrenceIndex();
      const present = new Set<EventRecord>();
      actions.forEach(({ what, labels: own, at, pick }, number) => {
        const scope = pool.acquire(own);
        const victim = [...present][pick % Math.max(1, present.size)];
        if (what === 'add') {
          const event = new EventRecord(String(number), 'x', own, at, at, scope);
          index.add('x', event);
          present.add(event);
        } else if (what === 'remove' && victim !== undefined) {
          index.remove('x', victim);
          present.delete(victim);
        } else if (what === 'remove-all') {
          const gone = new Set([...present].filter((event) => event.at < at));
          index.removeAll('x', gone);
          for (const event of gone) present.delete(event);
        }
        const found = index.compatible('x', scope);
        for (const bucket of found) expect([...bucket].sort(compareOccurrences)).toEqual(bucket);
        const ids = found.flat().map(({ key }) => key);
        const wanted = [...present].filter((event) => joins(event.scope.labels, scope.labels)).map(({ key }) => key);
        expect(ids.sort()).toEqual(wanted.sort());
      });
    }),
    { seed: 11, numRuns: 300 },
  );
});
