// The wiring of a driver: makes the API work in this thread by starting an
// embedded node on the first call. Read this and `node.ts` first.

import {
  MessageChannel,
  type MessagePort as NodePort,
} from "node:worker_threads";
import type { ResolvedInitOptions } from "./api/init_options.ts";
import { type Session, wireApi } from "./api/session_port.ts";
import { AuthenticationError } from "./base/errors.ts";
import { newId } from "./base/ids.ts";
import { recogniseApi } from "./code/repl_text.ts";
import { captureCode } from "./code_port.ts";
import { readToken, runningCluster } from "./cluster_files.ts";
import { connectDriver } from "./connect.ts";
import { printError, printWarning } from "./driver_output.ts";
import { openDriverSession } from "./driver_session.ts";
import { ThreadHost } from "./host.ts";
import { openNode } from "./node_opening.ts";
import { detectPlatform } from "./platform/detect.ts";
import type { Platform } from "./platform/platform.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import * as publicApi from "./public_api.ts";
import { environmentFor } from "./runtime_env.ts";
import { hasDoubles, isRef } from "./session_codec.ts";
import { makeSessionCodec } from "./session_objects.ts";
import { ThreadSession } from "./thread_session.ts";
import { requireThreadEntries } from "./thread_urls.ts";
import { ringWires } from "./thread_wires.ts";
import { Mailbox, newMailboxBuffer } from "./transport/mailbox.ts";
import { newRingLinkEnds } from "./transport/ring_link.ts";

const platform = detectPlatform();

wireApi({
  captureCode,
  hasDoubles,
  isRef,
  startSession: (options) => {
    requireThreadEntries();
    return options.address === "local"
      ? startEmbedded(platform, options)
      : connect(platform, options);
  },
});
recogniseApi(publicApi);

/** Starts an embedded cluster; calls can be made at once. */
function startEmbedded(
  platform: Platform,
  options: ResolvedInitOptions,
): Session {
  const environment = environmentFor(undefined, options.runtimeEnv);
  const identity: SessionIdentity = {
    jobId: newId("job"),
    nodeId: newId("node"),
    workerId: newId("worker"),
    namespace: options.namespace ?? newId("job"),
  };
  const mailbox = new Mailbox();
  const nodeMailbox = newMailboxBuffer();
  const [driverLink, nodeLink] = newRingLinkEnds(mailbox.buffer, nodeMailbox);
  const control = new MessageChannel();
  const shared = new MessageChannel();
  const { start, directories } = openNode(
    identity.nodeId,
    nodeMailbox,
    options,
  );
  const host = new ThreadHost(platform, start);
  host.addDriver({
    type: "driver_join",
    identity,
    mailbox: mailbox.buffer,
    link: { ...nodeLink, port: transferable(shared.port2) },
    control: transferable(control.port2),
  });
  const thread = new ThreadSession({
    platform,
    identity,
    wires: ringWires(
      mailbox,
      { ...driverLink, port: transferable(shared.port1) },
      transferable(control.port1),
    ),
    depth: () => 0,
    makeCodec: makeSessionCodec,
    reportUnseen: (error) => printError(thread.codec.decodeError(error)),
  });
  const { logToDriver } = options;
  const session = openDriverSession({
    platform,
    thread,
    home: { type: "own_process", host, directories },
    address: "local",
    logToDriver,
    environment,
  });
  if (start.spillPath === undefined) printWarning(NO_SPILL_TEXT);
  // Once they have their listeners: a listener refs its port.
  control.port1.unref();
  shared.port1.unref();
  return session;
}

const NO_SPILL_TEXT = "The system's folder for temporary files cannot be " +
  "written to, so that large objects stay in memory. Give `spillDirectory` " +
  "to `init`";

/** Joins the cluster that the options name; calls can be made at once. */
function connect(platform: Platform, options: ResolvedInitOptions): Session {
  const { namespace, logToDriver } = options;
  const found = options.address === "auto" ? runningCluster() : undefined;
  const address = found?.address ?? options.address;
  const token = readToken(address, options.token ?? found?.token);
  if (token === undefined) {
    throw new AuthenticationError(
      `Cannot connect to ${address}: there is no token. Set MANTA_TOKEN to ` +
        "what `manta token` prints there",
    );
  }
  return connectDriver({
    platform,
    address,
    token,
    namespace,
    logToDriver,
    environment: environmentFor(undefined, options.runtimeEnv),
  });
}

/**
 * A port of `node:worker_threads` as the web's: the only kind that stays
 * unreferenced on Deno, and the same thing at run time.
 */
function transferable(port: NodePort): MessagePort {
  return port as unknown as MessagePort;
}
