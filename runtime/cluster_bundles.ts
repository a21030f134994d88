// The bundles that a node's executors need and that were sent to another node:
// fetched from the home of the job, once each, and kept by their hash.

import { CaptureError, type MantaError } from "./base/errors.ts";
import type { JobId, NodeId } from "./base/ids.ts";
import type { Timers } from "./base/clock.ts";
import { BUNDLE_FETCH_MS_MAX } from "./base/limits.ts";
import type { NodeCode } from "./node_code.ts";
import type { NodeJobs } from "./node_jobs.ts";
import { AttachedBytes } from "./protocol/attached_bytes.ts";
import type { ClusterMessage } from "./protocol/cluster_messages.ts";
import { encodeError, type WireError } from "./protocol/wire_error.ts";

/** What is needed of the node. */
export interface ClusterBundlesPorts {
  readonly nodeId: NodeId;
  readonly code: NodeCode;
  readonly jobs: NodeJobs;
  readonly timers: Timers;
  send(nodeId: NodeId, message: ClusterMessage): void;
  flush(): void;
}

type Given = Extract<ClusterMessage, { type: "bundle_given" }>;

/** See the head of the file. */
export class ClusterBundles {
  readonly #ports: ClusterBundlesPorts;
  readonly #fetching = new Map<
    string,
    PromiseWithResolvers<WireError | undefined>
  >();

  constructor(ports: ClusterBundlesPorts) {
    this.#ports = ports;
  }

  /** Has a bundle of the job kept here; gives why it cannot be. */
  fetch(
    jobId: JobId | undefined,
    hash: string,
  ): Promise<WireError | undefined> {
    const { jobs, nodeId, timers, send, flush } = this.#ports;
    const home = jobId && jobs.get(jobId)?.home;
    if (!jobId || !home || home === nodeId) {
      return Promise.resolve(encodeError(missing(hash)));
    }
    const known = this.#fetching.get(hash);
    if (known) return known.promise;
    const fetching = Promise.withResolvers<WireError | undefined>();
    this.#fetching.set(hash, fetching);
    timers.after(
      BUNDLE_FETCH_MS_MAX,
      () => this.#settle(hash, encodeError(missing(hash))),
    );
    send(home, { type: "bundle_wanted", jobId, hash });
    flush();
    return fetching.promise;
  }

  /** Another node needs a bundle. */
  async wanted(from: NodeId, hash: string): Promise<void> {
    const { code, send, flush } = this.#ports;
    const pieces = await code.read(hash);
    send(from, {
      type: "bundle_given",
      hash,
      ...(pieces
        ? { pieces: pieces.map((piece) => new AttachedBytes(piece)) }
        : {}),
    } as unknown as Given);
    flush();
  }

  /** What was fetched has come. */
  async given({ hash, pieces }: Given): Promise<void> {
    if (!this.#fetching.has(hash)) return;
    if (!pieces) return this.#settle(hash, encodeError(missing(hash)));
    const { failure } = await this.#ports.code.keep({
      type: "code_put",
      hash,
      pieces,
    });
    if (failure === undefined) return this.#settle(hash, undefined);
    this.#settle(hash, encodeError(missing(hash, failure)));
  }

  #settle(hash: string, error: WireError | undefined): void {
    this.#fetching.get(hash)?.resolve(error);
    this.#fetching.delete(hash);
  }
}

function missing(hash: string, why = "its node does not have it"): MantaError {
  return new CaptureError(`Cannot get the code ${hash.slice(0, 12)}: ${why}`, {
    details: { captures: [] },
  });
}
