/** I1, I6 and I7 in the store itself: the log holds what was acknowledged, and the commits cover it once, in order. */
import type { Statement } from '../workload/story.js';
import type { SeenPartition } from './observation.js';
import type { Violation } from './violation.js';

export function statementKey(statement: Pick<Statement, 'alert' | 'status' | 'startsAt'>): string {
  return `${statement.alert}|${statement.status}|${statement.startsAt}`;
}

export function checkLog(
  acknowledged: { readonly statements: readonly Statement[]; readonly events: ReadonlySet<string> },
  partitions: readonly SeenPartition[],
): Violation[] {
  const logged = new Set(partitions.flatMap((partition) => [...partition.statements.keys()]));
  const events = new Set(partitions.flatMap((partition) => [...partition.events.keys()]));
  const lost = acknowledged.statements.map(statementKey).filter((key) => !logged.has(key));
  const lostEvents = [...acknowledged.events].filter((event) => !events.has(event));
  return [...lost, ...lostEvents].map((detail) => ({ kind: 'log-entry-lost', detail }));
}

export function checkPartition(seen: SeenPartition): Violation[] {
  const name = `partition ${seen.partition}`;
  const violations: Violation[] = checkCommits(seen);
  if (seen.cursor.id !== seen.lastEntry || seen.cursor.number !== seen.appended) {
    const { id, number } = seen.cursor;
    violations.push({
      kind: 'cursor-behind',
      detail: `${name}: cursor ${id} (${number}), log ends at ${seen.lastEntry} (${seen.appended})`,
    });
  }
  if (seen.outbox > 0) violations.push({ kind: 'outbox-left', detail: `${name}: ${seen.outbox} effects` });
  for (const letter of seen.deadLetters) violations.push({ kind: 'dead-letter', detail: `${name}: ${letter}` });
  return violations;
}

/** Commits join end to end from the first entry to the cursor, and no older owner writes after a newer one. */
function checkCommits(seen: SeenPartition): Violation[] {
  const name = `partition ${seen.partition}`;
  const violations: Violation[] = [];
  const gap = (detail: string): void => void violations.push({ kind: 'commit-gap', detail: `${name}: ${detail}` });
  let previous = seen.ringTrimmed ? undefined : { fence: 0, to: '0-0', number: 0 };
  for (const commit of seen.commits) {
    if (previous !== undefined && (commit.from !== previous.to || commit.number <= previous.number)) {
      gap(`commit ${commit.from} -> ${commit.to} follows one that ended at ${previous.to}`);
    }
    if (commit.number !== seen.numbers.get(commit.to)) {
      gap(`the commit to ${commit.to} says number ${commit.number}, the log ${seen.numbers.get(commit.to)}`);
    }
    if (previous !== undefined && commit.fence < previous.fence) {
      violations.push({
        kind: 'fence-backwards',
        detail: `${name}: commit to ${commit.to} with fence ${commit.fence} after ${previous.fence}`,
      });
    }
    previous = commit;
  }
  const end = seen.commits.at(-1)?.to ?? '0-0';
  if (end !== seen.cursor.id) gap(`the last commit ended at ${end}, the cursor is ${seen.cursor.id}`);
  let expected = 1;
  for (const [id, number] of seen.numbers) {
    if (number !== expected) gap(`entry ${id} has number ${number} where ${expected} was due`);
    expected = number + 1;
  }
  return violations;
}
