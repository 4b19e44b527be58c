/** The names of all keys in Redis; docs/architecture.md describes what they hold. */

/** Keys of one partition. `{pN}` is the hash tag: all of them live in one slot of a Redis Cluster. */
export interface PartitionKeys {
  readonly partition: number;
  readonly in: string;
  readonly seq: string;
  readonly lease: string;
  readonly fence: string;
  /** Redis time of the owner's last acquire or renewal, ms. */
  readonly alive: string;
  readonly cursor: string;
  readonly st: string;
  readonly det: string;
  readonly inc: string;
  readonly live: string;
  readonly incs: string;
  readonly num: string;
  readonly eff: string;
  readonly effst: string;
  readonly due: string;
  readonly lane: string;
  readonly att: string;
  readonly dlq: string;
  /** Hash: id of a dead letter -> id of the entry it was appended as again. */
  readonly redriven: string;
  readonly commits: string;
  retry(lane: string): string;
  mem(incident: string): string;
  tl(incident: string): string;
}

export function partitionKeys(prefix: string, partition: number): PartitionKeys {
  const base = `${prefix}:{p${partition}}:`;
  return {
    partition,
    in: `${base}in`,
    seq: `${base}seq`,
    lease: `${base}lease`,
    fence: `${base}fence`,
    alive: `${base}alive`,
    cursor: `${base}cursor`,
    st: `${base}st`,
    det: `${base}det`,
    inc: `${base}inc`,
    live: `${base}live`,
    incs: `${base}incs`,
    num: `${base}num`,
    eff: `${base}eff`,
    effst: `${base}effst`,
    due: `${base}due`,
    lane: `${base}lane`,
    att: `${base}att`,
    dlq: `${base}dlq`,
    redriven: `${base}redriven`,
    commits: `${base}commits`,
    retry: (lane) => `${base}retry:${lane}`,
    mem: (incident) => `${base}mem:${incident}`,
    tl: (incident) => `${base}tl:${incident}`,
  };
}

/** Keys that belong to no partition. */
export interface GlobalKeys {
  readonly quarantine: string;
  readonly version: string;
  readonly probe: string;
}

export function globalKeys(prefix: string): GlobalKeys {
  return { quarantine: `${prefix}:quarantine`, version: `${prefix}:version`, probe: `${prefix}:probe` };
}
