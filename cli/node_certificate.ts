// The certificate of the user's nodes: signed by itself, for a name that no
// network has. Drivers are told its fingerprint and trust nothing else, so it
// needs no authority, and neither names nor dates have anything to say.

import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  id_kp_serverAuth,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import {
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { AuthenticationError } from "../runtime/base/errors.ts";
import {
  CERTIFICATE_NAME,
  fingerprintOf,
  pemOf,
} from "../runtime/platform/pinned_certificate.ts";
import { certificatePath, keepText, type Kept } from "../runtime/token_file.ts";

/** What a node needs for TLS, in PEM, and what its drivers must know. */
export interface NodeCertificate {
  readonly cert: string;
  readonly key: string;
  /** See `protocol/token.ts`. */
  readonly pin: string;
}

/** The certificate of the user's nodes, which is made when there is none. */
export function keepCertificate(): Kept<NodeCertificate> {
  const path = certificatePath();
  const { value, ...rest } = keepText(path, makeCertificate);
  return { ...rest, value: readCertificate(value, path) };
}

const SUBJECT_NAME = "2.5.4.3";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const SERIAL_BYTES = 16;
/** A node whose clock is wrong must be reached, too. */
const FIRST_DAY = new Date("2020-01-01T00:00:00Z");
const LAST_DAY = new Date("2099-12-31T00:00:00Z");

/** A key and its certificate, one after the other. */
export function makeCertificate(): string {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  const signatureAlgorithm = new AlgorithmIdentifier({
    algorithm: ECDSA_WITH_SHA256,
  });
  const contents = describe(publicKey, signatureAlgorithm);
  // Both runtimes give a signature of this kind in DER, as it must be here.
  const signature = sign(
    "sha256",
    new Uint8Array(AsnConvert.serialize(contents)),
    privateKey,
  );
  const certificate = AsnConvert.serialize(
    new Certificate({
      tbsCertificate: contents,
      signatureAlgorithm,
      signatureValue: Uint8Array.from(signature).buffer,
    }),
  );
  const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  return key + pemOf("CERTIFICATE", new Uint8Array(certificate));
}

function describe(
  publicKey: KeyObject,
  signature: AlgorithmIdentifier,
): TBSCertificate {
  const name = new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({
        type: SUBJECT_NAME,
        value: new AttributeValue({ utf8String: CERTIFICATE_NAME }),
      }),
    ]),
  ]);
  const serial = Uint8Array.from(randomBytes(SERIAL_BYTES));
  // A serial number is positive and has no zeroes in front.
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return new TBSCertificate({
    version: Version.v3,
    serialNumber: serial.buffer,
    signature,
    issuer: name,
    subject: name,
    validity: new Validity({ notBefore: FIRST_DAY, notAfter: LAST_DAY }),
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ type: "spki", format: "der" }),
      SubjectPublicKeyInfo,
    ),
    extensions: new Extensions([
      extension(
        id_ce_basicConstraints,
        new BasicConstraints({ cA: false }),
        true,
      ),
      extension(
        id_ce_subjectAltName,
        new SubjectAlternativeName([
          new GeneralName({ dNSName: CERTIFICATE_NAME }),
        ]),
      ),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
    ]),
  });
}

function extension(extnID: string, value: unknown, critical = false) {
  const extnValue = new OctetString(AsnConvert.serialize(value));
  return new Extension({ extnID, critical, extnValue });
}

const KEY = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;

/** Reads what {@linkcode makeCertificate} has made. */
export function readCertificate(text: string, path: string): NodeCertificate {
  try {
    const key = KEY.exec(text)![0];
    const cert = CERTIFICATE.exec(text)![0] + "\n";
    const { raw } = new X509Certificate(cert);
    return { key, cert, pin: fingerprintOf(raw) };
  } catch (cause) {
    throw new AuthenticationError(
      `Cannot use the certificate in ${path}: it is no certificate with its ` +
        "key. Remove the file, and the next start makes another one",
      { cause },
    );
  }
}
