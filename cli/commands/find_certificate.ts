// The certificate for a node that is about to start. Apart from its process, so
// that only who wants TLS loads what makes certificates.

import { keepCertificate, type NodeCertificate } from "../node_certificate.ts";

/** The user's, which is made when there is none; warns if it will not last. */
export function findCertificate(warnings: string[]): NodeCertificate {
  const { value, path, problem } = keepCertificate();
  if (problem !== undefined) {
    warnings.push(
      `Cannot keep the certificate in ${path}: ${problem}. It ends with this ` +
        "node, and drivers will need the token of the next one",
    );
  }
  return value;
}
