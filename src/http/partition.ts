/** Which partition of the input log an alert or event belongs to: by its correlation domain, the same on every replica. */
import type { AlertUpdate } from '../domain/alert.js';
import type { AlertsInput, EventInput } from '../domain/input.js';
import type { Labels } from '../domain/labels.js';

export interface Partitioning {
  readonly count: number;
  /** The first of these labels that is present decides; without any, partition 0. */
  readonly by: readonly string[];
}

export function partitionOf(labels: Labels, partitioning: Partitioning): number {
  if (partitioning.count === 1) return 0;
  for (const name of partitioning.by) {
    const value = labels[name];
    if (value !== undefined && value !== '') return fnv1a(value) % partitioning.count;
  }
  return 0;
}

/** The input in parts, one a partition, in the order of the partitions. */
export function splitInput(
  input: AlertsInput | EventInput,
  partitioning: Partitioning,
): { readonly partition: number; readonly input: AlertsInput | EventInput }[] {
  if (partitioning.count === 1) return [{ partition: 0, input }];
  if (input.kind === 'event') return [{ partition: partitionOf(input.event.labels, partitioning), input }];
  const parts = new Map<number, AlertUpdate[]>();
  for (const alert of input.alerts) {
    const partition = partitionOf(alert.labels, partitioning);
    const part = parts.get(partition);
    if (part === undefined) parts.set(partition, [alert]);
    else part.push(alert);
  }
  if (parts.size === 0) return [{ partition: 0, input }];
  return [...parts.entries()]
    .sort(([left], [right]) => left - right)
    .map(([partition, alerts], index) => {
      const { truncated, ...rest } = input;
      // what the sender left out belongs to no partition: the first one says it
      const said = index === 0 && truncated !== undefined ? { truncated } : {};
      return { partition, input: { ...rest, alerts, ...said } };
    });
}

/** FNV-1a, 32 bits, over the UTF-16 units: cheap, stable, spread well enough over 16 partitions. */
function fnv1a(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
