/** All sources. A new one is its folder, its tests and one line here; a test compares the folders with this table. */
import type { Source } from '../ports/source.js';
import { alertmanager } from './alertmanager/index.js';
import { events } from './events/index.js';

export const SOURCES: Readonly<Record<string, Source>> = {
  [alertmanager.type]: alertmanager,
  [events.type]: events,
};
