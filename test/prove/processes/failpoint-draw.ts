/**
 * Which failpoints a replica is armed with in one life. Points differ a thousandfold in how often they are passed, so
 * one chance for all would only ever hit the busiest: each life gets a low chance everywhere and one or two points of
 * its own roles at which it is likely to die.
 */
import { FAILPOINTS } from '../../../src/failpoints.js';
import type { Random } from '../random.js';

const EVERYWHERE = 0.0005;

/** The chance at a focused point, by how often a life passes it: about one life in two should end there. */
const FOCUSED: readonly (readonly [prefix: string, chance: number])[] = [
  ['log.append', 0.01],
  ['worker.release', 0.4],
  ['worker.', 0.08],
  ['lease.renew', 0.1],
  ['relay.', 0.1],
  ['owner.commit', 0.2],
  // once or a few times in a life
  ['', 0.4],
];

const FOLDER_OF_ROLE: Readonly<Record<string, readonly string[]>> = {
  intake: ['log.append'],
  engine: ['lease.', 'owner.', 'relay.', 'log.trim'],
  worker: ['worker.'],
};

export const ALL_POINTS: readonly string[] = FAILPOINTS.flatMap((name) => [`${name}:before`, `${name}:after`]);

/** The text for TOCSIN_FAILPOINTS. `hits` steers towards the points that were hit least in this run. */
export function drawFailpoints(random: Random, roles: readonly string[], hits: ReadonlyMap<string, number>): string {
  const prefixes = roles.flatMap((role) => FOLDER_OF_ROLE[role] ?? []);
  const own = ALL_POINTS.filter((point) => prefixes.some((prefix) => point.startsWith(prefix)));
  const rarest = random.shuffle(own).sort((a, b) => (hits.get(a) ?? 0) - (hits.get(b) ?? 0));
  const focus = new Set([random.pick(rarest.slice(0, 4)), random.pick(own)]);
  const chanceOf = (point: string): number => FOCUSED.find(([prefix]) => point.startsWith(prefix))?.[1] ?? EVERYWHERE;
  return [`*=${EVERYWHERE}`, ...[...focus].map((point) => `${point}=${chanceOf(point)}`)].join(',');
}
