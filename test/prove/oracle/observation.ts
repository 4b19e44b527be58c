/** What the oracle compares the truth with: everything that can be seen from outside at the end of a run. */

export interface SeenMember {
  readonly episode: string;
  /** The label `proof_alert`; undefined for an alert that nobody sent. */
  readonly alert: string | undefined;
  readonly startsAt: number;
  readonly endsAt: number | null;
}

export interface SeenNotification {
  readonly effect: string;
  readonly generation: number;
  readonly action: 'trigger' | 'resolve';
  readonly role: string;
  readonly channel: string;
  readonly severity: string;
  readonly dueAt: number;
  readonly status: 'scheduled' | 'sent' | 'skipped' | 'failed';
  readonly at?: number;
  readonly reason?: string;
}

/** An incident as GET /api/v1/incidents/:id shows it. */
export interface SeenIncident {
  readonly id: string;
  readonly number: string;
  readonly partition: number;
  readonly status: 'open' | 'resolved' | 'merged';
  readonly mergedInto?: string;
  readonly rule: string;
  readonly severity: string;
  readonly title: string;
  readonly generation: number;
  readonly openedAt: number;
  readonly resolvedAt?: number;
  readonly memberCount: number;
  readonly firingCount: number;
  readonly members: readonly SeenMember[];
  readonly events: readonly string[];
  readonly notifications: readonly SeenNotification[];
  /** Types of its timeline entries, in order. */
  readonly timeline: readonly string[];
}

/** One row of the ring `commits`. */
export interface SeenCommit {
  readonly fence: number;
  readonly from: string;
  readonly to: string;
  /** Running number of the entry `to`. */
  readonly number: number;
}

/** A partition as Redis holds it. */
export interface SeenPartition {
  readonly partition: number;
  /** Entry id and running number of the cursor; `0-0` and 0 before the first commit. */
  readonly cursor: { readonly id: string; readonly number: number };
  /** Running number of every entry of the log, by its id, in the order of the log. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Id of the last entry of the log. */
  readonly lastEntry: string;
  /** Last number given to an entry. */
  readonly appended: number;
  readonly fence: number;
  readonly commits: readonly SeenCommit[];
  /** The ring holds fewer commits than were made. */
  readonly ringTrimmed: boolean;
  /** Statements in the log: `<alert>|<status>|<startsAt>` -> in how many entries. */
  readonly statements: ReadonlyMap<string, number>;
  readonly events: ReadonlyMap<string, number>;
  readonly outbox: number;
  readonly deadLetters: readonly string[];
}

/** One notification that took effect at a receiver. */
export interface Received {
  readonly channel: 'pagerduty' | 'slack';
  readonly role: string;
  readonly action: 'trigger' | 'resolve';
  /** Internal id of the incident. */
  readonly incident: string;
  readonly generation: number;
  /** Id of the effect that asked for it. */
  readonly effect: string;
  /** It says itself that it may be a repeat. */
  readonly marked: boolean;
  /** Order in the receiver's journal. */
  readonly order: number;
}

export interface Observation {
  readonly incidents: readonly SeenIncident[];
  readonly partitions: readonly SeenPartition[];
  readonly received: readonly Received[];
}

/** Who must be told by what, by severity, as the generated configuration says. */
export interface ExpectedMatrix {
  readonly [severity: string]: readonly { readonly role: string; readonly channel: 'pagerduty' | 'slack' }[];
}
