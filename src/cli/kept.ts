/** `tocsin quarantine` and `tocsin dead-letters list`: what was kept instead of applied. */
import type { DeadLetter, QuarantineItem } from '../ports/store.js';
import type { OutputForm } from './incidents.js';
import { formatTable, formatTime, printable } from './table.js';

export function renderQuarantine(items: readonly QuarantineItem[], form: OutputForm, now: number): string {
  if (form === 'json') return JSON.stringify({ items }, null, 2);
  if (items.length === 0) return 'Nothing is in quarantine.';
  const rows = items.map((item) => {
    const { id, receivedAt, source, remote, code, bytes, problem } = item;
    return [id, formatTime(receivedAt, now), source, remote, code, String(bytes), problem];
  });
  const table = formatTable(['ID', 'RECEIVED', 'SOURCE', 'FROM', 'CODE', 'BYTES', 'PROBLEM'], rows);
  if (form === 'table') return table;
  const bodies = items.map((item) => `${item.id} (${item.encoding}):\n${printable(item.body)}`);
  return [table, ...bodies].join('\n\n');
}

export function renderDeadLetters(items: readonly DeadLetter[], form: OutputForm, now: number): string {
  if (form === 'json') return JSON.stringify({ items }, null, 2);
  if (items.length === 0) return 'No dead letters.';
  const rows = items.map((letter) => {
    const { id, at, partition, entry, attempts, error, redrivenAs } = letter;
    return [id, formatTime(at, now), String(partition), entry, String(attempts), redrivenAs ?? '-', error];
  });
  const table = formatTable(['ID', 'AT', 'PARTITION', 'ENTRY', 'ATTEMPTS', 'SENT AGAIN AS', 'ERROR'], rows);
  if (form === 'table') return table;
  return [table, ...items.map((letter) => `${letter.id}:\n${printable(letter.body)}`)].join('\n\n');
}
