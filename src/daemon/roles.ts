/** What a process of the daemon does. All roles in one process is the default; large installations split them. */
import { TocsinError } from '../errors.js';

export const ROLES = ['intake', 'engine', 'worker'] as const;

export type Role = (typeof ROLES)[number];

/** `intake,engine` -> the set. Throws TocsinError for an unknown or missing role. */
export function parseRoles(text: string): ReadonlySet<Role> {
  const roles = text
    .split(',')
    .map((role) => role.trim())
    .filter((role) => role !== '');
  const unknown = roles.find((role) => !(ROLES as readonly string[]).includes(role));
  if (unknown !== undefined || roles.length === 0) {
    throw new TocsinError('TOCSIN_CONFIG_INVALID', `--roles: ${unknown ?? '(none)'} is not one of ${ROLES.join(', ')}`);
  }
  return new Set(roles as Role[]);
}
