// What `manta start --address` was asked for: which head the new node joins,
// with what it is let in, and how others reach it.

import type { InitOptions } from "../../mod.ts";
import { readToken } from "../../runtime/cluster_files.ts";
import { addressText, hostAndPort } from "../../runtime/protocol/address.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";
import {
  joinToken,
  splitToken,
  type TokenParts,
} from "../../runtime/protocol/token.ts";
import { UsageError } from "../usage_error.ts";
import type { StartFlags, WorkerRequest } from "./start_request.ts";
import { isAddress } from "./start_values.ts";

/** Checks the options of a worker; throws a `UsageError`. */
export function checkJoin(
  flags: StartFlags & { readonly address: string },
  node: InitOptions,
  given: TokenParts | undefined,
): WorkerRequest {
  const { host, names = [], port = 0 } = flags;
  const address = checkAddress(flags);
  const known = readToken(address, given && joinToken(given));
  const token = splitToken(known ?? "");
  if (token === undefined) {
    throw new UsageError(
      `Cannot join ${address}: there is no token. Add --token with what ` +
        "`manta token --show` prints on its machine, or set MANTA_TOKEN",
    );
  }
  checkEncryption(flags, token);
  const head = { address, token };
  const isInsecure = flags.insecure ?? false;
  // Without, it is known when the head is reached.
  if (host !== undefined) checkReach(host, { isInsecure, head });
  return {
    role: "worker",
    ...{ head, isInsecure, names, port, node },
    ...(host === undefined ? {} : { hostname: host }),
  };
}

/** The address as it is written everywhere else. */
function checkAddress(
  { address, host, port }: StartFlags & { readonly address: string },
): string {
  if (!isAddress(address)) {
    throw new UsageError(
      `Cannot join "${address}": write the head's address as host:port, an ` +
        "IPv6 address in brackets",
    );
  }
  const head = hostAndPort(address);
  const isSelf = port === head.port &&
    (host === head.hostname || (isLoopback(head.hostname) && isNear(host)));
  if (isSelf) {
    throw new UsageError(
      `Cannot join ${address}: that is where the new node itself is to ` +
        "listen. Give the head's address, or another --port",
    );
  }
  return addressText(head.hostname, head.port);
}

/** Whether a node that listens there has the loopback's ports. */
function isNear(host: string | undefined): boolean {
  return host === undefined || isLoopback(host) || host === "0.0.0.0" ||
    host === "::";
}

function checkEncryption({ tls, insecure }: StartFlags, token: TokenParts) {
  if (token.pin === undefined && tls) {
    throw new UsageError(
      "Cannot use --tls: the token names no certificate, so the head speaks " +
        "plain text. Start the head with --tls, and use the token that it prints",
    );
  }
  if (token.pin !== undefined && insecure) {
    throw new UsageError(
      "Cannot use --insecure: the token names a certificate, so all nodes of " +
        "the cluster encrypt",
    );
  }
}

/** Throws a `UsageError` if the token could be seen by others. */
export function checkReach(
  hostname: string,
  { isInsecure, head }: Pick<WorkerRequest, "isInsecure" | "head">,
): void {
  const isHidden = head.token.pin !== undefined || isLoopback(hostname);
  if (isHidden || isInsecure) return;
  throw new UsageError(
    `Cannot listen on ${hostname} in plain text: whoever sees the traffic has ` +
      "the token. Start the head with --tls, or add --insecure if the network " +
      "itself is safe",
  );
}
