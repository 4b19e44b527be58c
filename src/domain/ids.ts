/** Deterministic ids: a hash of what they stand for, so that a replay gives the same ones. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** 16 hex digits (64 bits) of SHA-256 over the JSON of the parts. */
export function hashId(...parts: (string | number)[]): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(parts)))).slice(0, 16);
}

/** `<fingerprint>@<start ms>` */
export function episodeId(fingerprint: string, startMs: number): string {
  return `${fingerprint}@${startMs}`;
}

/** `INC-20261122-007`; the sequence grows past three digits when it must. The day is UTC. */
export function incidentNumber(day: string, sequence: number): string {
  return `INC-${day}-${String(sequence).padStart(3, '0')}`;
}

/** `20261122` of a time in ms, UTC. Pure arithmetic on the given time, no clock. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll('-', '');
}
