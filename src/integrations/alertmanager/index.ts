/** Prometheus Alertmanager, `webhook_configs`. See docs/sources/alertmanager.md. */
import type { Source } from '../../ports/source.js';
import { readWebhook } from './map.js';

export const alertmanager: Source = { type: 'alertmanager', read: readWebhook };
