/**
 * Which failpoints a replica is armed with in one life. Points differ a thousandfold in how often they are passed, so
 * one chance for all would only ever hit the busiest: each life gets a low chance everywhere and one or two points of
 * its own roles at which it is likely to die.
 */
import { FAILPOINTS } from '../../../src/failpoints.js';
import type { Random } from '../random.js';

const EVERYWHERE = 0.0005;
const FOCUSED = 0.05;
/** Points that a life passes once or a few times. */
const RARE = ['lease.acquire', 'owner.load', 'owner.append-own', 'owner.count-attempt', 'log.trim', 'worker.release'];
const RARE_FOCUSED = 0.4;

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
  const chanceOf = (point: string): number => (RARE.some((name) => point.startsWith(name)) ? RARE_FOCUSED : FOCUSED);
  return [`*=${EVERYWHERE}`, ...[...focus].map((point) => `${point}=${chanceOf(point)}`)].join(',');
}
