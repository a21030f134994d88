// Gets a server's certificate by its fingerprint. Nothing is sent to the server
// on this connection: it may be anybody who shows that certificate. Only one who
// has its key can speak on a connection that trusts it as its authority; what
// `rejectUnauthorized: false` gives does not check even that on every runtime.

import { createHash } from "node:crypto";
import { connect } from "node:tls";

/** The name in the certificates of nodes: they are known by their pins. */
export const CERTIFICATE_NAME = "node.manta.internal";

export interface PinnedTarget {
  readonly hostname: string;
  readonly port: number;
  /** SHA-256 of the certificate in DER, as base64url. */
  readonly pin: string;
  readonly timeoutMs: number;
}

/** Resolves to the certificate in PEM; rejects with a reason for a message. */
export function fetchPinned(target: PinnedTarget): Promise<string> {
  const { hostname, port, pin, timeoutMs } = target;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail("nobody answers"), timeoutMs);
    const socket = connect({
      host: hostname,
      port,
      servername: CERTIFICATE_NAME,
      rejectUnauthorized: false,
    }, () => {
      const { raw } = socket.getPeerCertificate();
      if (raw === undefined || fingerprintOf(raw) !== pin) {
        return fail("it shows another certificate than the token names");
      }
      finish();
      resolve(pemOf("CERTIFICATE", raw));
    });
    socket.on("error", ({ message }) => fail(message));
    socket.on("close", () => fail("the connection was closed"));

    function finish(): void {
      clearTimeout(timer);
      socket.destroy();
    }

    function fail(reason: string): void {
      finish();
      reject(new Error(reason));
    }
  });
}

/** The fingerprint of a certificate in DER. */
export function fingerprintOf(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("base64url");
}

/** Bytes as PEM. */
export function pemOf(label: string, bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  const lines = text.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""]
    .join("\n");
}
