// What users copy from deploy/: that the manifest is one by the schema of
// Kubernetes, its parts fit together, and options are ones that there are.

import { type CommandContext, run } from "@stricli/core";
import { validate as isDeployment } from "kubernetes-models/_schemas/IoK8sApiAppsV1Deployment";
import { validate as isStatefulSet } from "kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet";
import { validate as isService } from "kubernetes-models/_schemas/IoK8sApiCoreV1Service";
import { validate as isPolicy } from "kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { buildCli } from "../../../cli/cli.ts";
import { NODE_DRAIN_MS_MAX } from "../../../runtime/base/limits.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { ROOT } from "../../support/launchers.ts";

const FOLDER = join(ROOT, "deploy");

/** The fields that are looked at; no kind has all of them. */
interface Spec {
  readonly selector: { readonly matchLabels: unknown };
  readonly ports: readonly { readonly port: number }[];
  readonly template: {
    readonly metadata: { readonly labels: unknown };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly containers: readonly {
        readonly args: readonly string[];
        readonly ports: readonly { readonly containerPort: number }[];
      }[];
    };
  };
  readonly ingress: readonly { readonly ports: Spec["ports"] }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Spec;
}

function manifests(): Manifest[] {
  const text = readFileSync(join(FOLDER, "kubernetes.yaml"), "utf8");
  return parseAllDocuments(text, { strict: true }).map((document) => {
    assertEquals(document.errors, []);
    return document.toJS() as Manifest;
  });
}

function manifestOf(kind: string, name: string): Manifest {
  return manifests().find((it) =>
    it.kind === kind && it.metadata.name === name
  )!;
}

interface Validate {
  (value: unknown): boolean;
  readonly errors?: unknown;
}

const VALIDATORS: Readonly<Record<string, Validate>> = {
  Deployment: isDeployment as Validate,
  Service: isService as Validate,
  StatefulSet: isStatefulSet as Validate,
  NetworkPolicy: isPolicy as Validate,
};

/** What the schema has against it, and fields that it does not know. */
function faultsOf(
  manifest: { readonly kind: string; readonly spec: unknown },
): unknown[] {
  const validate = VALIDATORS[manifest.kind]!;
  const seen = new Set<string>();
  const isValid = validate(watched(manifest, "", seen));
  const faults = isValid ? [] : [validate.errors];
  // It allows them; whoever reads a manifest ignores them.
  return [...faults, ...[...pathsOf(manifest)].filter((it) => !seen.has(it))];
}

/** Notes by their paths which fields are looked at. */
function watched(value: object, path: string, seen: Set<string>): object {
  return new Proxy(value, {
    get(target, name, receiver) {
      const field: unknown = Reflect.get(target, name, receiver);
      const at = `${path}/${String(name)}`;
      seen.add(at);
      return typeof field === "object" && field !== null
        ? watched(field, at, seen)
        : field;
    },
  });
}

function* pathsOf(value: unknown, path = ""): Iterable<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, field] of Object.entries(value)) {
    yield `${path}/${name}`;
    yield* pathsOf(field, `${path}/${name}`);
  }
}

describe("deploy/kubernetes.yaml", () => {
  it("is what the schema of Kubernetes says, and has no field beside", () => {
    const all = manifests();
    assertEquals(all.length, 4);
    for (const manifest of all) assertEquals(faultsOf(manifest), []);
  });

  it("would not be with a fault", () => {
    const { spec, ...service } = manifestOf("Service", "manta-head");
    const misspelled = { ...service, spec: { ...spec, selectors: {} } };
    assertEquals(faultsOf(misspelled), ["/spec/selectors"]);
    const [port] = spec.ports;
    const wrong = { ...spec, ports: [{ ...port, port: "http" }] };
    assertEquals(faultsOf({ ...service, spec: wrong }).length, 1);
  });

  it("lets the service and the policy find the pods", () => {
    const service = manifestOf("Service", "manta-head").spec;
    const head = manifestOf("StatefulSet", "manta-head").spec;
    const worker = manifestOf("Deployment", "manta-worker").spec;
    assertEquals(service.selector, head.template.metadata.labels);
    for (const { selector, template } of [head, worker]) {
      assertEquals(selector.matchLabels, template.metadata.labels);
    }
    const { args, ports } = worker.template.spec.containers[0]!;
    const listens = ports[0]!.containerPort;
    const { port } = service.ports[0]!;
    assert(args.includes(`--address=manta-head:${port}`));
    assert(args.includes(`--port=${listens}`));
    const open = manifestOf("NetworkPolicy", "manta").spec.ingress[0]!.ports;
    assertEquals(open.map((it) => it.port), [port, listens]);
  });

  it("gives a worker the time to drain", () => {
    const { spec } = manifestOf("Deployment", "manta-worker").spec.template;
    assert(spec.terminationGracePeriodSeconds * 1_000 > NODE_DRAIN_MS_MAX);
  });
});

describe("all of deploy/", () => {
  it("uses options that there are", async () => {
    const used = readdirSync(FOLDER).flatMap((name) =>
      readFileSync(join(FOLDER, name), "utf8").split("\n")
        .filter((line) => !/^\s*#/.test(line) && !line.includes("status"))
        .flatMap((line) => line.match(/--[a-z][a-z-]*/g) ?? [])
    );
    let help = "";
    const process = {
      stdout: { write: (text: string) => void (help += text) },
      stderr: { write: () => {} },
    };
    const context: CommandContext = { process };
    await run(buildCli(), ["start", "--help"], context);

    const options = new Set(help.match(/--[a-z][a-z-]*/g));
    assert(used.length > 10);
    assertEquals(used.filter((option) => !options.has(option)), []);
  });
});
