/** Change events, `POST /events`. See docs/sources/events.md. */
import type { Source } from '../../ports/source.js';
import { readEvents } from './map.js';

export const events: Source = { type: 'events', read: readEvents };
