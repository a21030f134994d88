// The wiring of a driver: makes the API work in this thread by starting an
// embedded node on the first call. Read this and `node.ts` first.

import { hostname } from "node:os";
import {
  MessageChannel,
  type MessagePort as NodePort,
} from "node:worker_threads";
import { nodeResources, type ResolvedInitOptions } from "./api/init_options.ts";
import { type Session, wireApi } from "./api/session_port.ts";
import { ConnectionError } from "./base/errors.ts";
import { newId } from "./base/ids.ts";
import { fromUnits } from "./base/resources.ts";
import { VERSION } from "./base/version.ts";
import { recogniseApi } from "./code/repl_text.ts";
import { captureCode } from "./code_port.ts";
import { printError, printWarning } from "./driver_output.ts";
import { openDriverSession } from "./driver_session.ts";
import { ThreadHost } from "./host.ts";
import type { NodeStart } from "./host_messages.ts";
import { detectPlatform } from "./platform/detect.ts";
import { cpuCount, memoryBytes } from "./platform/machine.ts";
import type { Platform } from "./platform/platform.ts";
import { openSessionDirectory } from "./platform/session_directory.ts";
import { openSpillDirectory } from "./platform/spill_directory.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import * as publicApi from "./public_api.ts";
import { environmentFor } from "./runtime_env.ts";
import { isRef } from "./session_codec.ts";
import { makeSessionCodec } from "./session_objects.ts";
import { ThreadSession } from "./thread_session.ts";
import { Mailbox, newMailboxBuffer } from "./transport/mailbox.ts";
import { newRingLinkEnds } from "./transport/ring_link.ts";

const platform = detectPlatform();

wireApi({
  captureCode,
  isRef,
  startSession: (options) => startEmbedded(platform, options),
});
recogniseApi(publicApi);

/** Starts an embedded cluster; calls can be made at once. */
function startEmbedded(
  platform: Platform,
  options: ResolvedInitOptions,
): Session {
  refuseOtherAddresses(options.address);
  const environment = environmentFor(undefined, options.runtimeEnv);
  const spillDirectory = openSpillDirectory(options.spillDirectory);
  const directory = openSessionDirectory();
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
  const total = nodeResources(options, {
    cpus: cpuCount(),
    memoryBytes: memoryBytes(),
  });
  const start: NodeStart = {
    type: "node_start",
    nodeId: identity.nodeId,
    nodeMailbox,
    total,
    labels: options.labels,
    storeBytes: fromUnits(total["objectStoreMemory"] ?? 0),
    sessionPath: directory.path,
    spillPath: spillDirectory?.path,
    hostname: hostname(),
    version: VERSION,
    startedAtMs: Date.now(),
  };
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
    mailbox,
    nodeLink: { ...driverLink, port: transferable(shared.port1) },
    control: transferable(control.port1),
    depth: () => 0,
    makeCodec: makeSessionCodec,
    reportUnseen: (error) => printError(thread.codec.decodeError(error)),
  });
  const { logToDriver } = options;
  const session = openDriverSession({
    platform,
    thread,
    host,
    directories: [directory, ...(spillDirectory ? [spillDirectory] : [])],
    logToDriver,
    environment,
  });
  if (!spillDirectory) printWarning(NO_SPILL_TEXT);
  // Once they have their listeners: a listener refs its port.
  control.port1.unref();
  shared.port1.unref();
  return session;
}

const NO_SPILL_TEXT = "The system's folder for temporary files cannot be " +
  "written to, so that large objects stay in memory. Give `spillDirectory` " +
  "to `init`";

function refuseOtherAddresses(address: string): void {
  if (address === "local") return;
  throw new ConnectionError(
    `Cannot connect to ${address}: this version runs embedded clusters only. ` +
      'Use address "local", or unset MANTA_ADDRESS',
  );
}

/**
 * A port of `node:worker_threads` as the web's: the only kind that stays
 * unreferenced on Deno, and the same thing at run time.
 */
function transferable(port: NodePort): MessagePort {
  return port as unknown as MessagePort;
}
