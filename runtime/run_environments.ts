// The environment of whatever runs in an executor: a run's own layer over the
// one its code was loaded in, over the thread's. What user code writes stays
// in the layer that it runs in: with the task, the actor, or the module.

import type { CodeReference } from "./code/site_registry.ts";
import type { ActorPlace, TaskRun } from "./executor/task_run.ts";
import { EnvironmentLayer } from "./platform/environment_view.ts";
import type { WireEnvironment } from "./protocol/messages.ts";
import { currentRun, outsideRuns } from "./run_context.ts";

/** See the head of the file. */
export class RunEnvironments {
  /** For what belongs to no run: it must not reach the driver, either. */
  readonly #thread = new EnvironmentLayer();
  /** By the hash of the bundle; each environment has its own bundles. */
  readonly #bundles = new Map<string, EnvironmentLayer>();
  readonly #runs = new WeakMap<TaskRun | ActorPlace, EnvironmentLayer>();
  /** Bundles that load now; their code runs in no context on Bun. */
  readonly #loading = new Set<EnvironmentLayer>();
  #entered: EnvironmentLayer | undefined;

  /** The layer of the code that runs now. */
  current(): EnvironmentLayer {
    const context = currentRun();
    const place = context?.actor ?? context?.run;
    if (!place) return this.#entered ?? this.#thread;
    let layer = this.#runs.get(place);
    if (!layer) this.#runs.set(place, layer = this.#layerOf(place));
    return layer;
  }

  /** Loads a bundle within its environment. */
  async load<T>(
    { hash }: CodeReference,
    environment: WireEnvironment | undefined,
    load: () => Promise<T>,
  ): Promise<T> {
    if (this.#bundles.has(hash) && !this.#isLoading(hash)) return await load();
    const layer = this.#bundleLayer(hash, environment);
    this.#loading.add(layer);
    this.#entered = layer;
    try {
      return await outsideRuns(load);
    } finally {
      this.#loading.delete(layer);
      if (this.#entered === layer) this.#entered = undefined;
    }
  }

  /** The top-level code of a bundle begins to run. */
  bundleEntered(hash: string): void {
    if (this.#isLoading(hash)) this.#entered = this.#bundles.get(hash);
  }

  #isLoading(hash: string): boolean {
    const layer = this.#bundles.get(hash);
    return layer !== undefined && this.#loading.has(layer);
  }

  #bundleLayer(
    hash: string,
    environment: WireEnvironment | undefined,
  ): EnvironmentLayer {
    let layer = this.#bundles.get(hash);
    if (!layer) {
      const { envVars, workingDirectory } = environment ?? {};
      layer = new EnvironmentLayer(this.#thread, envVars, workingDirectory);
      this.#bundles.set(hash, layer);
    }
    return layer;
  }

  #layerOf(place: TaskRun | ActorPlace): EnvironmentLayer {
    const { hash, environment } = "template" in place
      ? {
        hash: place.template.spec.code?.hash ?? "",
        environment: place.template.spec.environment,
      }
      : { hash: place.codeHash, environment: place.environment };
    const gpuIds = "template" in place ? place.slot.gpuIds : place.gpuIds;
    return new EnvironmentLayer(
      this.#bundleLayer(hash, environment),
      gpuIds && { CUDA_VISIBLE_DEVICES: gpuIds.join(",") },
    );
  }
}
