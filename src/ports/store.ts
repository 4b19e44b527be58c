/**
 * What the daemon needs of the durable store. `store/` implements it on Redis; docs/architecture.md has the key table.
 * Every method may reject with StoreError (src/errors.ts): the outcome of a write is then unknown, and the caller drops
 * what it believes and reads again.
 */
import type { Effect } from '../domain/effect.js';
import type { Incident, Membership, TimelineEntry } from '../domain/incident.js';
import type { Input } from '../domain/input.js';

// --- the input log, written by the intake ---

export interface AppendDraft {
  readonly partition: number;
  readonly input: Input;
  /** With `digest`: an entry whose lane's latest digest is the same is absorbed as a retry. */
  readonly retryLane?: string;
  readonly digest?: string;
}

export interface AppendReceipt {
  /** Stream id; of the earlier identical entry when absorbed. */
  readonly id: string;
  readonly absorbed: boolean;
  /** Entries of the partition that are appended and not yet committed. */
  readonly lag: number;
}

export interface InputAppender {
  /** Resolves when all drafts are on disk (fsync) in their partitions. Not atomic across partitions: retry is safe. */
  append(drafts: readonly AppendDraft[]): Promise<readonly AppendReceipt[]>;
}

export interface QuarantineItem {
  readonly id: string;
  readonly receivedAt: number;
  readonly source: string;
  readonly remote: string;
  readonly code: string;
  readonly problem: string;
  readonly bytes: number;
  /** The body, cut at 64 KiB; base64 when it is not UTF-8. */
  readonly body: string;
  readonly encoding: 'utf8' | 'base64';
}

export interface Quarantine {
  put(item: Omit<QuarantineItem, 'id' | 'receivedAt'>): Promise<void>;
  list(limit: number): Promise<readonly QuarantineItem[]>;
}

// --- a partition, worked by its owner ---

export interface Lease {
  readonly partition: number;
  readonly owner: string;
  /** Grows by one at every change of owner; checked inside every commit. */
  readonly fence: number;
}

export interface LogEntry {
  /** Stream id `<ms>-<seq>`. */
  readonly id: string;
  /** Running number of the entry in its partition, from 1. */
  readonly seq: number;
  readonly body: string;
}

/** All writes of one commit; null deletes. Strings are opaque to the store. */
export interface CommitWrites {
  /** Engine state loaded again at takeover: field -> blob. */
  readonly state: ReadonlyMap<string, string | null>;
  /** Facts only people need (annotations, links), not loaded at takeover: fingerprint -> blob. */
  readonly details: ReadonlyMap<string, string | null>;
  /** Incident heads: id -> JSON of Incident. */
  readonly incidents: ReadonlyMap<string, string>;
  /** Whether the engine needs the incident at takeover: id -> yes/no. */
  readonly live: ReadonlyMap<string, boolean>;
  /** Newly opened incidents for the index. */
  readonly opened: readonly { readonly id: string; readonly number: string; readonly openedAt: number }[];
  /** incident id -> episode id -> JSON of MemberRecord. */
  readonly members: ReadonlyMap<string, ReadonlyMap<string, string | null>>;
  /** incident id -> JSON of TimelineEntry, in order. */
  readonly timeline: ReadonlyMap<string, readonly string[]>;
  readonly effects: readonly Effect[];
}

export interface Commit {
  readonly lease: Lease;
  /** The cursor this commit builds on; anything else is a conflict. */
  readonly expected: string;
  readonly cursor: string;
  /** Running number of the entry at `cursor`. */
  readonly seq: number;
  readonly writes: CommitWrites;
  /**
   * Effects among the writes, due already, that the caller carries to the workers itself as soon as this is committed: they
   * count as handed out (handout 1), as if takeDue had given them.
   */
  readonly handOut?: { readonly effects: ReadonlySet<string>; readonly visibilityMs: number };
  /** An entry that goes to the dead-letter stream instead of being applied. */
  readonly deadLetter?: {
    readonly id: string;
    readonly body: string;
    readonly error: string;
    readonly attempts: number;
  };
}

export type CommitOutcome = 'committed' | 'fenced' | 'conflict';

export interface LoadedPartition {
  readonly cursor: string;
  readonly seq: number;
  readonly state: ReadonlyMap<string, string>;
  /** Heads of the live incidents: id -> JSON. */
  readonly incidents: ReadonlyMap<string, string>;
}

export interface PartitionStore {
  readonly partition: number;
  /** Takes the free lease with the next fence, or returns null when another owner holds it. */
  acquire(owner: string, ttlMs: number): Promise<Lease | null>;
  /** False when the lease is no longer ours. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  load(lease: Lease): Promise<LoadedPartition>;
  /** Entries after the id, oldest first; waits up to blockMs (0: does not wait) for the first one. */
  read(after: string, count: number, blockMs: number): Promise<readonly LogEntry[]>;
  commit(commit: Commit): Promise<CommitOutcome>;
  /** Appends input of the owner itself (tick, poison), fenced; null when fenced off. */
  appendOwn(lease: Lease, input: Input): Promise<string | null>;
  /** Counts one failed attempt to decide the entry; returns the total. */
  countAttempt(lease: Lease, entryId: string): Promise<number>;
  /** Redis's clock, ms. */
  time(): Promise<number>;
  /** Deletes log entries older than `beforeMs`, never beyond the cursor. Returns how many. */
  trim(lease: Lease, beforeMs: number): Promise<number>;
  // --- outbox, owner's side ---
  /**
   * Effects due at Redis's time, whose next look is pushed `visibilityMs` ahead in the same step; with them the time of
   * the next look of the earliest other one (null: none). Fenced: null when the lease is lost.
   */
  takeDue(
    lease: Lease,
    limit: number,
    visibilityMs: number,
  ): Promise<{ readonly due: readonly DueEffect[]; readonly nextAt: number | null; readonly now: number } | null>;
}

export interface DueEffect {
  readonly id: string;
  readonly sink: string;
  /** How often it was handed out, this time included; part of the BullMQ job id. */
  readonly handout: number;
}

// --- outbox, worker's side ---

export type Claim =
  /** Ours until the claim expires: `incident` is the head as of this very moment. */
  | {
      readonly status: 'claimed';
      readonly effect: Effect;
      readonly incident: Incident;
      readonly token: string;
      readonly attempt: number;
      /** An earlier claim ended without a word: the receiver may have it already. */
      readonly mayRepeat: boolean;
      /** Whether any trigger of the lane was ever attempted, and whether its resolve was. */
      readonly lane: { readonly triggered: boolean; readonly resolved: boolean };
      readonly now: number;
    }
  /** Done, unknown, held by another worker, lane in use, or not due yet: nothing to do; the sweep looks again. */
  | { readonly status: 'gone' | 'held' | 'lane-busy' | 'not-due' };

export interface Outbox {
  claim(partition: number, effectId: string, token: string, ttlMs: number): Promise<Claim>;
  /** Proof of completion: removes the row and appends the result to the log in one step. False when the claim was lost. */
  settle(
    partition: number,
    effectId: string,
    token: string,
    result: Extract<Input, { kind: 'result' }>,
  ): Promise<boolean>;
  /** Gives the claim back: next look after `delayMs`. False when the claim was lost. `attempted`: a send was tried. */
  release(
    partition: number,
    effectId: string,
    token: string,
    delayMs: number,
    unknownOutcome: boolean,
  ): Promise<boolean>;
}

// --- reading, for the API ---

export interface IncidentQuery {
  readonly status?: Incident['status'];
  /** Newest first, at most this many. */
  readonly limit: number;
}

export interface MemberRecord extends Membership {
  readonly episode: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly source: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly severity?: string;
  readonly startsAt: number;
  readonly endsAt: number | null;
  readonly endKind?: 'explicit' | 'stale';
}

export interface IncidentDetail {
  readonly incident: Incident;
  readonly members: readonly (MemberRecord & {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly url?: string;
  })[];
  readonly timeline: readonly TimelineEntry[];
}

export interface IncidentReader {
  list(query: IncidentQuery): Promise<readonly Incident[]>;
  /** By internal id or by number; null when unknown. At most 1,000 members are returned. */
  get(idOrNumber: string): Promise<IncidentDetail | null>;
}

export interface DeadLetter {
  readonly id: string;
  readonly partition: number;
  readonly entry: string;
  readonly at: number;
  readonly error: string;
  readonly attempts: number;
  readonly body: string;
  readonly redrivenAs?: string;
}

export interface DeadLetters {
  list(limit: number): Promise<readonly DeadLetter[]>;
  /** Appends the entry again (`redriveOf` set). Null when unknown; the earlier id when it was re-driven before. */
  redrive(id: string): Promise<{ readonly entry: string; readonly already: boolean } | null>;
}

/** Where each partition stands, for readiness and metrics. */
export interface PartitionStatus {
  readonly partition: number;
  readonly appended: number;
  readonly committed: number;
  readonly owner: string | null;
  readonly fence: number;
  /** Redis time of the last commit or renewal by the owner, ms; null when never. */
  readonly lastProgressAt: number | null;
  readonly outboxPending: number;
  readonly deadLetters: number;
}

export interface StoreHealth {
  readonly writable: boolean;
  readonly problem?: string;
  readonly usedMemory: number;
  readonly maxMemory: number;
  readonly now: number;
  readonly partitions: readonly PartitionStatus[];
}

export interface HealthProbe {
  /** Never rejects: a store that cannot be reached is `writable: false` with the problem. */
  check(): Promise<StoreHealth>;
}
