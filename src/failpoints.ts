/**
 * Named points around every await that has an effect, where the proof (`npm run prove`) kills the process.
 *
 * Not armed, `effectful` only calls its function. Armed, each passing of `<name>:before` or `<name>:after` kills this
 * process with SIGKILL with the given probability, so that nothing (no handler, no flush) runs afterwards.
 */

/** All names in use; a test compares this list with the source. */
export const FAILPOINTS = [
  'log.append',
  'lease.acquire',
  'lease.renew',
  'owner.load',
  'owner.commit',
  'owner.append-own',
  'owner.count-attempt',
  'log.trim',
  'relay.take-due',
  'relay.enqueue',
  'worker.claim',
  'worker.deliver',
  'worker.settle',
  'worker.release',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

type Hit = (point: string) => void;

let onHit: Hit | undefined;

/**
 * Arms the points named in `spec`: `name:before=0.01,name:after=0.05` or `*=0.002` for all.
 * `kill` ends the process and does not return; `random` is uniform in [0, 1).
 * Throws on an unknown name, so that a mistyped proof cannot pass by doing nothing.
 */
export function armFailpoints(spec: string, kill: (point: string) => void, random: () => number): void {
  const chances = new Map<string, number>();
  for (const part of spec.split(',').filter((text) => text.trim() !== '')) {
    const [point = '', chanceText = ''] = part.trim().split('=');
    const chance = Number(chanceText);
    if (!(chance > 0 && chance <= 1))
      throw new Error(`failpoint ${point}: the chance must be in (0, 1], got ${chanceText}`);
    const points = point === '*' ? FAILPOINTS.flatMap((name) => [`${name}:before`, `${name}:after`]) : [point];
    for (const each of points) {
      const [name, side] = each.split(':');
      if (!(FAILPOINTS as readonly string[]).includes(name ?? '') || (side !== 'before' && side !== 'after')) {
        throw new Error(`unknown failpoint ${each}`);
      }
      chances.set(each, chance);
    }
  }
  onHit = (point) => {
    const chance = chances.get(point);
    if (chance !== undefined && random() < chance) kill(point);
  };
}

/** Runs an await that has an effect between its two failpoints. */
export async function effectful<T>(name: FailpointName, act: () => Promise<T>): Promise<T> {
  if (onHit === undefined) return act();
  onHit(`${name}:before`);
  const result = await act();
  onHit(`${name}:after`);
  return result;
}
