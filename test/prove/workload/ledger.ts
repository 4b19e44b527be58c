/** What the senders know: which deliveries were answered 202. From it follows what must be true at the end. */
import type { Scenario, Severity } from './scenario.js';
import type { Delivery, Statement } from './story.js';

/** What the acknowledged deliveries say about one alert. */
export interface TrueAlert {
  readonly key: string;
  readonly startsAt: number;
  readonly labels: Readonly<Record<string, string>>;
  /** When its acknowledged resolve says that it ended, ms; null while it fires. */
  readonly endsAt: number | null;
}

/** One scenario as far as it was acknowledged. */
export interface Truth {
  readonly scenario: string;
  readonly kind: string;
  /** Everything that the scenario has to say was acknowledged: the outcome is known exactly. */
  readonly complete: boolean;
  readonly alerts: readonly TrueAlert[];
  readonly event?: string;
  readonly expected: {
    readonly rule: string;
    readonly severity: Severity;
    readonly interim: readonly Severity[];
    readonly status: 'open' | 'resolved';
  };
}

export interface Refusal {
  readonly delivery: string;
  readonly status: number;
  readonly body: string;
}

export class Ledger {
  readonly scenarios: Scenario[] = [];
  /** Answers that a sender may never get, whatever dies: anything but 202 and 503. */
  readonly refusals: Refusal[] = [];
  readonly answers = new Map<string, number>();
  acknowledgedDeliveries = 0;
  repeatedDeliveries = 0;
  readonly #statements = new Map<string, Map<string, Statement>>();
  readonly #events = new Set<string>();
  readonly #seen = new Set<string>();

  begin(scenarios: readonly Scenario[]): void {
    this.scenarios.push(...scenarios);
  }

  countAnswer(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  acknowledge(delivery: Delivery): void {
    this.acknowledgedDeliveries += 1;
    if (this.#seen.has(delivery.id)) this.repeatedDeliveries += 1;
    this.#seen.add(delivery.id);
    if (delivery.event !== undefined) this.#events.add(delivery.event);
    for (const statement of delivery.statements) {
      const said = this.#statements.get(statement.alert) ?? new Map<string, Statement>();
      said.set(statement.status, statement);
      this.#statements.set(statement.alert, said);
    }
  }

  /** Every acknowledged statement, each once. */
  statements(): Statement[] {
    return [...this.#statements.values()].flatMap((said) => [...said.values()]);
  }

  events(): ReadonlySet<string> {
    return this.#events;
  }

  truths(): Truth[] {
    return this.scenarios.map((scenario) => this.#truthOf(scenario));
  }

  #truthOf(scenario: Scenario): Truth {
    const alerts: TrueAlert[] = [];
    let complete = scenario.event === undefined || this.#events.has(scenario.event.id);
    for (const { key, startsAt, labels } of scenario.alerts) {
      const said = this.#statements.get(key);
      const endsAt = said?.get('resolved')?.endsAt ?? null;
      if (said?.has('firing') !== true || scenario.resolves !== (endsAt !== null)) complete = false;
      if (said?.has('firing') === true) alerts.push({ key, startsAt, labels, endsAt });
    }
    return {
      scenario: scenario.id,
      kind: scenario.kind,
      complete,
      alerts,
      ...(scenario.event !== undefined && this.#events.has(scenario.event.id) ? { event: scenario.event.id } : {}),
      expected: { ...scenario.expected, status: scenario.resolves ? 'resolved' : 'open' },
    };
  }
}
