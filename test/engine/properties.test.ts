/** What holds for every log. The seed is printed with a failure; TOCSIN_SEED and TOCSIN_RUNS choose others. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stateStats } from '../../src/engine/index.js';
import { compareSeverity } from '../../src/domain/severity.js';
import { EngineRun, EPOCH, HOUR, type LogLine, MINUTE } from '../kit/engine.js';
import { arbitraryLog } from '../kit/arbitrary-log.js';

const SEED = Number(process.env['TOCSIN_SEED'] ?? 7);
const RUNS = Number(process.env['TOCSIN_RUNS'] ?? 150);

function check<T extends unknown[]>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  hold: (...values: T) => void,
): void {
  fc.assert(
    fc.property(fc.tuple(...arbitraries) as unknown as fc.Arbitrary<T>, (values) => hold(...values)),
    {
      seed: SEED,
      numRuns: RUNS,
    },
  );
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });

/** State and heads: what must not depend on how the log was cut. */
function finalState(run: EngineRun): string {
  return run.writings.fingerprint();
}

describe(`every log (seed ${SEED})`, () => {
  it('replays to the same bytes', () => {
    check([arbitraryLog()], (log) => {
      expect(finalState(new EngineRun().run(log))).toBe(finalState(new EngineRun().run(log)));
    });
  });

  it('gives the same state, incidents, members, timeline and effects however it is cut into batches', () => {
    check([arbitraryLog(), sizes], (log, cuts) => {
      const whole = new EngineRun().run(log, { batch: (index) => cuts[index % cuts.length] ?? 1 });
      expect(finalState(whole)).toBe(finalState(new EngineRun().run(log)));
    });
  });

  it('gives the same when memory is thrown away and loaded again at any point', () => {
    check([arbitraryLog(), sizes], (log, cuts) => {
      const reloaded = new EngineRun().run(log, { reload: (index) => (cuts[index % cuts.length] ?? 1) <= 4 });
      expect(finalState(reloaded)).toBe(finalState(new EngineRun().run(log)));
    });
  });

  it('gives the same with ticks in between, and after an idle look at the time', () => {
    check([arbitraryLog(), sizes], (log, cuts) => {
      const ticked: LogLine[] = log.flatMap((line, index) => {
        const before = {
          at: Math.max(log[index - 1]?.at ?? 0, line.at - (cuts[index % cuts.length] ?? 1) * 10_000),
          input: { kind: 'tick' as const },
        };
        return [before, line];
      });
      expect(finalState(new EngineRun().run(ticked))).toBe(finalState(new EngineRun().run(log)));
    });
  });

  it('a step into the past of a loaded state changes nothing', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun().run(log);
      run.reload();
      const before = finalState(run);
      run.apply([{ at: -EPOCH, input: { kind: 'tick' } }]);
      expect(finalState(run)).toBe(before);
    });
  });

  it('an immediate second delivery of everything changes no incident and no member', () => {
    check([arbitraryLog()], (log) => {
      const once = new EngineRun().run(log);
      const twice = new EngineRun().run(log.flatMap((line) => [line, line]));
      const picture = (run: EngineRun): unknown => [
        run.writings.heads(),
        [...run.writings.members].map(([id, members]) => [id, [...members.keys()].sort()]),
        run.writings.effects,
      ];
      expect(picture(twice)).toEqual(picture(once));
    });
  });

  it('has no open incident without a member, and counts them right', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun();
      for (const line of log) {
        run.run([line]);
        for (const head of run.writings.heads()) {
          if (head.status !== 'open') continue;
          const members = run.writings.membersOf(head.id);
          expect(members.length).toBeGreaterThan(0);
          expect(head.memberCount).toBe(members.length);
          expect(head.firingCount).toBe(members.filter((member) => member.endsAt === null).length);
          const names: Record<string, number> = {};
          for (const { name } of members) names[name] = (names[name] ?? 0) + 1;
          expect(head.alertNames).toEqual(names);
        }
      }
    });
  });

  it('has one open incident a fallback key, and one a rule and key', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun();
      for (const line of log) {
        run.run([line]);
        const open = run.writings.heads().filter((head) => head.status === 'open');
        const keys = open.flatMap((head) => head.attachKeys);
        expect(new Set(keys).size).toBe(keys.length);
        const explained = open.flatMap((head) => head.hypotheses.map(({ rule, key }) => JSON.stringify([rule, key])));
        expect(new Set(explained).size).toBe(explained.length);
      }
    });
  });

  it('never lowers a severity once a rule has spoken', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun();
      const ruled = new Map<string, 'P0' | 'P1' | 'P2' | 'P3' | 'P4'>();
      for (const line of log) {
        run.run([line]);
        for (const { id, status, hypotheses, severity } of run.writings.heads()) {
          if (status !== 'open' || hypotheses.length === 0) continue;
          const before = ruled.get(id);
          if (before !== undefined) expect(compareSeverity(severity, before)).toBeLessThanOrEqual(0);
          ruled.set(id, severity);
        }
      }
    });
  });

  it('forgets everything when it has been quiet for long enough', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun().run(log);
      const end = log[log.length - 1]?.at ?? 0;
      // stale after 8h, resolved, settled (expiry 24h and an hour), forgotten; the latest row may lie half an hour ahead
      run.tick(end + 60 * HOUR);
      expect(stateStats(run.state)).toMatchObject({ series: 0, openEpisodes: 0, incidents: 0, events: 0 });
      expect([...run.writings.state.keys()]).toEqual(['m']);
      expect(run.writings.live.size).toBe(0);
      expect(run.wakeAt).toBeNull();
      expect(run.writings.heads().filter((head) => head.status === 'open')).toEqual([]);
    });
  });

  it('has stored what it has in memory: a reload finds the same numbers', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun().run(log);
      const before = stateStats(run.state);
      run.reload();
      expect(stateStats(run.state)).toEqual({ ...before, clamped: 0, refused: 0 });
    });
  });

  it('keeps the lists of a head within their bounds', () => {
    check([arbitraryLog(120)], (log) => {
      for (const head of new EngineRun().run(log).writings.heads()) {
        expect(Object.keys(head.alertNames).length).toBeLessThanOrEqual(50);
        for (const { evidence, evidenceCount } of head.hypotheses) {
          expect(evidence.length).toBeLessThanOrEqual(50);
          expect(evidenceCount).toBeGreaterThanOrEqual(evidence.length);
        }
      }
    });
  });

  it('has ids and numbers that no two incidents share', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun().run(log);
      const { opened } = run.writings;
      expect(new Set(opened.map(({ id }) => id)).size).toBe(opened.length);
      expect(new Set(opened.map(({ number }) => number)).size).toBe(opened.length);
      expect(new Set(run.writings.effects.map(({ id }) => id)).size).toBe(run.writings.effects.length);
      expect(run.writings.incidents.size).toBe(opened.length);
    });
  });
});

describe('odd times', () => {
  it('never makes an episode begin after now plus the skew', () => {
    check([arbitraryLog()], (log) => {
      const run = new EngineRun().run(log);
      const end = EPOCH + (log[log.length - 1]?.at ?? 0);
      for (const { id } of run.writings.heads()) {
        for (const member of run.writings.membersOf(id)) expect(member.startsAt).toBeLessThanOrEqual(end + MINUTE);
      }
    });
  });
});
