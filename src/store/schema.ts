/** The version of the layout in Redis: a replica that finds a newer one takes no lease. */
import { TocsinError } from '../errors.js';
import type { Connection } from './connect.js';

/** Raised when an older program could no longer work on what this one writes. */
export const LAYOUT_VERSION = 1;

/** Writes the version when there is none. Throws TOCSIN_STORE_NEWER, or StoreError when Redis cannot be asked. */
export async function checkVersion(connection: Connection, versionKey: string): Promise<void> {
  let found = await connection.run('read the version of the store', (redis) => redis.get(versionKey));
  if (found === null) {
    await connection.run('write the version of the store', (redis) => redis.set(versionKey, LAYOUT_VERSION, 'NX'));
    found = await connection.run('read the version of the store', (redis) => redis.get(versionKey));
  }
  const version = Number(found);
  if (Number.isInteger(version) && version >= 1 && version <= LAYOUT_VERSION) return;
  throw new TocsinError(
    'TOCSIN_STORE_NEWER',
    `${versionKey} says that the data has layout ${found}; this program knows layouts up to ${LAYOUT_VERSION}. ` +
      'Run the version of Tocsin that wrote it (or a newer one), or use another redis.prefix',
  );
}
