/** An oracle that cannot fail proves nothing: each kind of violation is planted once and must be found. */
import { describe, expect, it } from '@jest/globals';

import { judge, type Testimony } from './oracle/judge.js';
import { countRepeats } from './oracle/notifications.js';
import type { Observation, Received, SeenIncident, SeenNotification, SeenPartition } from './oracle/observation.js';
import type { ViolationKind } from './oracle/violation.js';
import { VIOLATION_KINDS } from './oracle/violation.js';
import { statementKey } from './oracle/store.js';

const MATRIX = {
  P1: [
    { role: 'engineering', channel: 'pagerduty' },
    { role: 'eng_lead', channel: 'slack' },
  ],
} as const;

const statements = [
  { alert: 'a-0', status: 'firing', startsAt: 100 },
  { alert: 'a-1', status: 'firing', startsAt: 200 },
  { alert: 'b-0', status: 'firing', startsAt: 300 },
  { alert: 'b-0', status: 'resolved', startsAt: 300, endsAt: 900 },
] as const;

const testimony: Testimony = {
  truths: [
    {
      scenario: 'a',
      kind: 'unexplained-critical',
      complete: true,
      alerts: [
        { key: 'a-0', startsAt: 100, endsAt: null, labels: {} },
        { key: 'a-1', startsAt: 200, endsAt: null, labels: {} },
      ],
      expected: { rule: 'fallback', severity: 'P1', interim: ['P3'], status: 'open' },
    },
    {
      scenario: 'b',
      kind: 'bad-deployment',
      complete: true,
      alerts: [{ key: 'b-0', startsAt: 300, endsAt: 900, labels: {} }],
      event: 'deploy-b',
      expected: { rule: 'post_deployment_issues', severity: 'P1', interim: ['P3'], status: 'resolved' },
    },
  ],
  statements,
  events: new Set(['deploy-b']),
  refusals: [],
  matrix: MATRIX,
};

function notification(over: Partial<SeenNotification>): SeenNotification {
  return {
    effect: 'n1',
    generation: 0,
    action: 'trigger',
    role: 'engineering',
    channel: 'pagerduty',
    severity: 'P1',
    dueAt: 500,
    status: 'sent',
    at: 510,
    ...over,
  };
}

const incidentA: SeenIncident = {
  id: 'ida',
  number: 'INC-20260101-001',
  partition: 0,
  status: 'open',
  rule: 'fallback',
  severity: 'P1',
  title: 'a',
  generation: 0,
  openedAt: 400,
  memberCount: 2,
  firingCount: 2,
  members: [
    { episode: 'a-0@100', alert: 'a-0', startsAt: 100, endsAt: null },
    { episode: 'a-1@200', alert: 'a-1', startsAt: 200, endsAt: null },
  ],
  events: [],
  notifications: [notification({}), notification({ effect: 'n2', role: 'eng_lead', channel: 'slack' })],
  timeline: ['opened', 'attached', 'planned', 'notified', 'notified'],
};

const incidentB: SeenIncident = {
  ...incidentA,
  id: 'idb',
  number: 'INC-20260101-002',
  status: 'resolved',
  resolvedAt: 1_000,
  rule: 'post_deployment_issues',
  title: 'b',
  memberCount: 1,
  firingCount: 0,
  members: [{ episode: 'b-0@300', alert: 'b-0', startsAt: 300, endsAt: 900 }],
  events: ['deploy-b'],
  notifications: [
    notification({ effect: 'n3' }),
    notification({ effect: 'n4', action: 'resolve' }),
    notification({
      effect: 'n5',
      role: 'eng_lead',
      channel: 'slack',
      status: 'skipped',
      at: 1_500,
      reason: 'resolved',
    }),
  ],
};

const partition: SeenPartition = {
  partition: 0,
  cursor: { id: '5-0', number: 3 },
  lastEntry: '5-0',
  numbers: new Map([
    ['3-0', 1],
    ['4-0', 2],
    ['5-0', 3],
  ]),
  appended: 3,
  fence: 2,
  commits: [
    { fence: 1, from: '0-0', to: '4-0', number: 2 },
    { fence: 2, from: '4-0', to: '5-0', number: 3 },
  ],
  ringTrimmed: false,
  statements: new Map(statements.map((statement) => [statementKey(statement), 1])),
  events: new Map([['deploy-b', 1]]),
  outbox: 0,
  deadLetters: [],
};

function arrived(over: Partial<Received>): Received {
  return {
    channel: 'pagerduty',
    role: 'engineering',
    action: 'trigger',
    incident: 'ida',
    generation: 0,
    effect: 'n1',
    marked: false,
    order: 1,
    ...over,
  };
}

const received = [
  arrived({}),
  arrived({ channel: 'slack', role: 'eng_lead', effect: 'n2', order: 2 }),
  arrived({ incident: 'idb', effect: 'n3', order: 3 }),
  arrived({ incident: 'idb', effect: 'n4', action: 'resolve', order: 4 }),
];

const sound: Observation = { incidents: [incidentA, incidentB], partitions: [partition], received };

function found(observation: Observation, from: Testimony = testimony): Set<ViolationKind> {
  return new Set(judge(from, observation).map((violation) => violation.kind));
}

function withA(change: Partial<SeenIncident>): Observation {
  return { ...sound, incidents: [{ ...incidentA, ...change }, incidentB] };
}

function withPartition(change: Partial<SeenPartition>): Observation {
  return { ...sound, partitions: [{ ...partition, ...change }] };
}

const [first, second] = incidentA.members as [SeenIncident['members'][0], SeenIncident['members'][0]];

const PLANTED: readonly (readonly [ViolationKind, string, Observation, Testimony?])[] = [
  ['alert-refused', 'a sender got 400', sound, { ...testimony, refusals: [{ delivery: 'd', status: 400, body: '' }] }],
  ['log-entry-lost', 'an acknowledged alert is not logged', withPartition({ statements: new Map() })],
  ['log-entry-lost', 'an acknowledged event is not logged', withPartition({ events: new Map() })],
  ['alert-lost', 'a member is gone', withA({ members: [first], memberCount: 1, firingCount: 1 })],
  [
    'alert-twice',
    'a member stands in two incidents',
    { ...sound, incidents: [incidentA, { ...incidentB, members: [...incidentB.members, first] }] },
  ],
  ['alert-twice', 'a member stands twice in one', withA({ members: [first, first, second], memberCount: 3 })],
  ['incident-missing', 'an incident is gone', { ...sound, incidents: [incidentB] }],
  [
    'incident-extra',
    'one that nobody asked for',
    {
      ...sound,
      incidents: [...sound.incidents, { ...incidentA, id: 'idc', number: 'INC-20260101-003', members: [] }],
    },
  ],
  [
    'incident-extra',
    'a scenario is split in two',
    {
      ...sound,
      incidents: [
        { ...incidentA, members: [first], memberCount: 1, firingCount: 1 },
        { ...incidentA, id: 'idc', number: 'INC-20260101-003', members: [second], memberCount: 1, firingCount: 1 },
        incidentB,
      ],
    },
  ],
  ['incident-members', 'a foreign member', withA({ members: [first, second, { ...second, alert: 'z-9' }] })],
  ['incident-members', 'a wrong start', withA({ members: [first, { ...second, startsAt: 201 }] })],
  [
    'incident-members',
    'an end that nobody sent',
    withA({ members: [first, { ...second, endsAt: 250 }], firingCount: 1 }),
  ],
  ['incident-members', 'a head that counts wrong', withA({ memberCount: 3 })],
  ['incident-members', 'a head that counts wrong firing', withA({ firingCount: 1 })],
  ['incident-verdict', 'wrong rule', withA({ rule: 'database_cascade' })],
  ['incident-verdict', 'wrong severity', withA({ severity: 'P2' })],
  ['incident-verdict', 'resolved too early', withA({ status: 'resolved', resolvedAt: 1 })],
  ['incident-verdict', 'opened twice', withA({ timeline: ['opened', 'opened'] })],
  [
    'incident-verdict',
    'the deployment is not among the evidence',
    { ...sound, incidents: [incidentA, { ...incidentB, events: [] }] },
  ],
  [
    'incident-verdict',
    'merged into nothing',
    {
      ...sound,
      incidents: [
        ...sound.incidents,
        { ...incidentA, id: 'idm', number: 'INC-20260101-009', status: 'merged', mergedInto: 'idx', notifications: [] },
      ],
    },
  ],
  ['incident-number', 'one number twice', withA({ number: incidentB.number })],
  ['notification-lost', 'a page never arrived', { ...sound, received: received.slice(1) }],
  ['notification-lost', 'the end was never told', { ...sound, received: received.slice(0, 3) }],
  [
    'notification-lost',
    'skipped although the incident is open',
    {
      ...withA({
        notifications: [
          notification({}),
          notification({ role: 'eng_lead', channel: 'slack', status: 'skipped', reason: 'resolved' }),
        ],
      }),
      received: [...received.slice(0, 1), ...received.slice(2)],
    },
  ],
  ['notification-unsettled', 'still scheduled', withA({ notifications: [notification({ status: 'scheduled' })] })],
  ['notification-unsettled', 'failed', withA({ notifications: [notification({ status: 'failed', reason: 'x' })] })],
  [
    'notification-unmarked',
    'skipped without a reason',
    withA({ notifications: [notification({ status: 'skipped' })] }),
  ],
  ['notification-unmarked', 'said to be sent, never arrived', { ...sound, received: received.slice(1) }],
  [
    'notification-wrong',
    'a role outside the matrix',
    { ...sound, received: [...received, arrived({ role: 'product' })] },
  ],
  ['notification-wrong', 'about no incident', { ...sound, received: [...received, arrived({ incident: 'nobody' })] }],
  [
    'page-after-resolve',
    'a retried trigger after the resolve',
    { ...sound, received: [...received, arrived({ incident: 'idb', order: 5 })] },
  ],
  [
    'fence-backwards',
    'an old owner wrote after a new one',
    withPartition({ commits: [...partition.commits].map((commit, index) => ({ ...commit, fence: 2 - index })) }),
  ],
  ['commit-gap', 'entries were skipped', withPartition({ commits: partition.commits.slice(1) })],
  [
    'commit-gap',
    'entries were applied twice',
    withPartition({ commits: [...partition.commits, { fence: 2, from: '4-0', to: '5-0', number: 3 }] }),
  ],
  [
    'commit-gap',
    'a commit says another number than the log',
    withPartition({ commits: [{ fence: 1, from: '0-0', to: '5-0', number: 2 }] }),
  ],
  [
    'commit-gap',
    'an entry vanished from the log',
    withPartition({ numbers: new Map([...partition.numbers].slice(1)) }),
  ],
  ['cursor-behind', 'entries not applied', withPartition({ lastEntry: '6-0', appended: 4 })],
  ['outbox-left', 'an effect is left', withPartition({ outbox: 1 })],
  ['dead-letter', 'a dead letter', withPartition({ deadLetters: ['5-0'] })],
];

describe('oracle', () => {
  it('finds nothing in a sound run', () => {
    expect(judge(testimony, sound)).toEqual([]);
  });

  it.each(PLANTED.map(([kind, what, observation, from = testimony]) => ({ kind, what, observation, from })))(
    'finds $kind: $what',
    ({ kind, observation, from }) => {
      expect([...found(observation, from)]).toContain(kind);
    },
  );

  it('has a planted case for every kind of violation', () => {
    expect(new Set(PLANTED.map(([kind]) => kind))).toEqual(new Set(Object.keys(VIOLATION_KINDS)));
  });

  it('does not judge the outcome of a scenario of which a part was never acknowledged, only that nothing is lost', () => {
    const truths = testimony.truths.map((truth) => ({ ...truth, complete: false }));
    const split = [
      { ...incidentA, members: [first], memberCount: 1, firingCount: 1 },
      {
        ...incidentA,
        id: 'idc',
        number: 'INC-20260101-003',
        members: [second],
        memberCount: 1,
        firingCount: 1,
        notifications: [],
      },
      incidentB,
    ];
    expect(judge({ ...testimony, truths }, { ...sound, incidents: split })).toEqual([]);
    expect(found({ ...sound, incidents: [incidentB] }, { ...testimony, truths })).toContain('alert-lost');
  });

  it('counts repeats at the receivers apart: they are allowed, but not hidden', () => {
    const slack = { channel: 'slack', role: 'eng_lead', effect: 'n2' } as const;
    const repeated = [
      ...received,
      arrived({ order: 9 }),
      arrived({ ...slack, order: 10 }),
      arrived({ ...slack, marked: true, order: 11 }),
    ];
    expect(countRepeats(repeated)).toEqual({ pagerduty: 1, slackMarked: 1, slackUnmarked: 1 });
    expect(judge(testimony, { ...sound, received: repeated })).toEqual([]);
  });
});
