import { describe, expect, it } from '@jest/globals';
import { connectionOptions, describeTarget } from '../../src/store/connect.js';

describe('addresses of Redis', () => {
  it.each([
    ['/run/redis.sock', { path: '/run/redis.sock' }],
    ['unix:///run/redis.sock?db=2', { path: '/run/redis.sock', db: 2 }],
    ['unix://u:p%40@localhost/run/r.sock', { path: '/run/r.sock', db: 0, username: 'u', password: 'p@' }],
    ['redis://cache', { host: 'cache', port: 6379, db: 0 }],
    ['redis://:s%2Fcret@10.0.0.1:7000/3', { host: '10.0.0.1', port: 7000, db: 3, password: 's/cret' }],
    ['redis://[::1]:7000', { host: '::1', port: 7000, db: 0 }],
    [
      'rediss://u:p@cache',
      { host: 'cache', port: 6379, db: 0, username: 'u', password: 'p', tls: { servername: 'cache' } },
    ],
  ])('%s', (url, options) => {
    expect(connectionOptions(url)).toEqual(options);
  });

  it.each(['', 'cache:6379', 'http://cache', 'redis://', 'redis://cache/db', 'redis://u:TopSecret@cache/x'])(
    'refuses %j without showing it',
    (url) => {
      expect(() => connectionOptions(url)).toThrow(expect.objectContaining({ code: 'TOCSIN_CONFIG_INVALID' }));
      expect(() => connectionOptions(url)).not.toThrow(/TopSecret/);
    },
  );

  it('are shown without credentials', () => {
    expect(describeTarget('redis://u:secret@cache:1')).toBe('cache:1');
    expect(describeTarget('unix://u:secret@localhost/s')).toBe('/s');
  });
});
