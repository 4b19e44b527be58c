/**
 * A self-signed certificate for 127.0.0.1 and localhost, made with node:crypto alone: Node can sign but not build
 * certificates, so the few DER structures that one needs are written here.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface SelfSigned {
  /** PEM of the certificate; it is its own authority. */
  readonly cert: string;
  readonly key: string;
}

const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  subjectAltName: [0x55, 0x1d, 0x11],
};
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  text: 0x0c,
  time: 0x18,
  list: 0x30,
  set: 0x31,
};
const DAY = 86_400_000;

export function createSelfSigned(now: number): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(TAG.list, der(TAG.oid, OID.ecdsaWithSha256));
  const name = der(TAG.list, der(TAG.set, der(TAG.list, der(TAG.oid, OID.commonName), der(TAG.text, 'tocsin test'))));
  const validity = der(TAG.list, time(now - DAY), time(now + 30 * DAY));
  const body = der(
    TAG.list,
    der(0xa0, der(TAG.integer, [2])),
    der(TAG.integer, Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(TAG.list, isAuthority(), alternativeNames())),
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = der(TAG.list, body, algorithm, der(TAG.bits, [0], signature));
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function isAuthority(): Buffer {
  return der(TAG.list, der(TAG.oid, OID.basicConstraints), der(TAG.octets, der(TAG.list, der(TAG.boolean, [0xff]))));
}

function alternativeNames(): Buffer {
  const names = der(TAG.list, der(0x82, 'localhost'), der(0x87, [127, 0, 0, 1]));
  return der(TAG.list, der(TAG.oid, OID.subjectAltName), der(TAG.octets, names));
}

/** `20261122010203Z` */
function time(ms: number): Buffer {
  return der(TAG.time, `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`);
}

function der(tag: number, ...parts: (string | readonly number[] | Buffer)[]): Buffer {
  const content = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  );
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
}

function length(size: number): Buffer {
  if (size < 0x80) return Buffer.from([size]);
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}
