import { describe, expect, it } from '@jest/globals';

import { events } from '../../../src/integrations/events/index.js';
import type { Reading } from '../../../src/ports/source.js';

const NOW = Date.UTC(2026, 10, 22, 3, 0, 0);
const SETTINGS = { names: {}, identityDrop: ['replica'], exporterJobs: [], serviceLabels: ['service', 'app'] };
const DEPLOYMENT = { type: 'deployment_completed', labels: { app: 'checkout', cluster: 'eu1' } };

function read(body: unknown, receivedAt = NOW, source = 'events'): Reading {
  return events.read({ source, body, receivedAt, settings: SETTINGS });
}

function readOk(body: unknown, receivedAt = NOW, source = 'events') {
  const reading = read(body, receivedAt, source);
  if (!reading.ok) throw new Error(reading.problem);
  return reading.inputs.map((input) => {
    if (input.kind !== 'event') throw new Error('not an event');
    return input.event;
  });
}

describe('an event', () => {
  it('is read with everything it has', () => {
    expect(
      readOk({
        ...DEPLOYMENT,
        id: 'run-4711',
        at: '2026-11-22T03:50:00.25+01:00',
        started_at: Date.UTC(2026, 10, 22, 2, 45),
        annotations: { revision: 'f00dfeed', author: 'mo' },
      }),
    ).toEqual([
      {
        id: 'events:run-4711',
        type: 'deployment_completed',
        at: Date.UTC(2026, 10, 22, 2, 50, 0, 250),
        startedAt: Date.UTC(2026, 10, 22, 2, 45),
        labels: { app: 'checkout', cluster: 'eu1', service: 'checkout' },
        annotations: { revision: 'f00dfeed', author: 'mo' },
      },
    ]);
  });

  it('happened when it arrived if it does not say', () => {
    expect(readOk(DEPLOYMENT)[0]).toMatchObject({ at: NOW, annotations: {} });
  });

  it('has an id from its type, time and labels if it has none', () => {
    const at = '2026-11-22T02:50:00Z';
    const id = (event: object, receivedAt = NOW, source = 'events') => readOk(event, receivedAt, source)[0]?.id;
    const own = id({ ...DEPLOYMENT, at });
    expect(own).toMatch(/^events:[0-9a-f]{16}$/);
    expect(
      id(
        { labels: { cluster: 'eu1', app: 'checkout' }, type: 'deployment_completed', at, annotations: { a: 'b' } },
        NOW + 5,
      ),
    ).toBe(own);
    expect(id({ ...DEPLOYMENT, at: '2026-11-22T02:51:00Z' })).not.toBe(own);
    expect(id({ ...DEPLOYMENT, at, type: 'deployment_started' })).not.toBe(own);
    expect(id({ ...DEPLOYMENT, at, labels: { app: 'cart' } })).not.toBe(own);
    // the same deployment twice without a time is two deployments
    expect(id(DEPLOYMENT, NOW)).not.toBe(id(DEPLOYMENT, NOW + 1));
    expect(id({ ...DEPLOYMENT, id: '1' }, NOW, 'ci')).toBe('ci:1');
  });

  it('may come in a list of up to 100', () => {
    expect(readOk([DEPLOYMENT, DEPLOYMENT])).toHaveLength(2);
    expect(readOk([])).toEqual([]);
    expect(readOk(Array(100).fill(DEPLOYMENT))).toHaveLength(100);
    expect(read(Array(101).fill(DEPLOYMENT))).toMatchObject({
      ok: false,
      path: '',
      problem: expect.stringContaining('at most 100'),
    });
  });

  it('names no retry lane: its id tells a repeat', () => {
    expect(read(DEPLOYMENT)).not.toHaveProperty('retryLane');
  });

  it('is marked when it is in the future', () => {
    expect(read({ ...DEPLOYMENT, at: NOW + 61_000 })).toMatchObject({ marks: { at_in_future: 1 } });
  });
});

describe('refusals', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['text', 'x', '', /^the body must be an object/],
    ['null in a list', [DEPLOYMENT, null], '[1]', /^\[1\] must be an object/],
    ['no type', { labels: {} }, 'type', /deployment_completed/],
    ['a type with spaces', { ...DEPLOYMENT, type: 'a b' }, 'type', /name/],
    ['no labels', { type: 'x' }, 'labels', /object of strings/],
    ['a label that is a number', [{ type: 'x', labels: { port: 1 } }], '[0].labels.port', /must be a string/],
    ['an annotation that is null', { ...DEPLOYMENT, annotations: { a: null } }, 'annotations.a', /must be a string/],
    ['a field that does not exist', { ...DEPLOYMENT, timestamp: 1 }, 'timestamp', /the fields are type, id, at/],
    ['a time that is no time', { ...DEPLOYMENT, at: 'noon' }, 'at', /RFC 3339/],
    ['seconds', { ...DEPLOYMENT, at: 1_795_402_980 }, 'at', /looks like seconds/],
    ['NaN', { ...DEPLOYMENT, at: Number.NaN }, 'at', /RFC 3339/],
    ['year 1', { ...DEPLOYMENT, at: '0001-01-01T00:00:00Z' }, 'at', /RFC 3339/],
    ['a start after the end', { ...DEPLOYMENT, at: NOW, started_at: NOW + 1 }, 'started_at', /must not be after at/],
    ['an empty id', { ...DEPLOYMENT, id: '' }, 'id', /1 to 256/],
    ['a numeric id', { ...DEPLOYMENT, id: 7 }, 'id', /must be text/],
  ])('%s', (_name, body, path, problem) => {
    expect(read(body)).toMatchObject({ ok: false, path, problem: expect.stringMatching(problem) });
  });
});
