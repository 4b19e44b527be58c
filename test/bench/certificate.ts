/** A throw-away certificate for 127.0.0.1, made by openssl, for the https receiver of the pages. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Writes certificate and key into the folder. Throws when there is no `openssl` program. */
export function makeCertificate(dir: string): Certificate {
  const certFile = join(dir, 'receiver.crt');
  const keyFile = join(dir, 'receiver.key');
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  execFileSync('openssl', [...request, ...names, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' });
  return { certFile, keyFile };
}
