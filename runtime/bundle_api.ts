// What bundles of user code see as `manta`: the public API, with a `remote`
// that knows its place in the bundle and a registry of the bundle's own.

import { makeRemote } from "./api/remote.ts";
import { wireApi } from "./api/session_port.ts";
import { InvariantError } from "./base/errors.ts";
import { offerFromBundle } from "./code/load_code.ts";
import { RemoteCode } from "./code/remote_code.ts";
import type { Signature } from "./code/signature.ts";
import { bundleHashOf } from "./code/site_registry.ts";
import { captureCode, PortableCode } from "./code_port.ts";
import {
  type SerializableClass,
  type Serializer,
  THREAD_SERIALIZERS,
} from "./protocol/serializers.ts";
import * as api from "./public_api.ts";
import { hasDoubles, isRef } from "./session_codec.ts";

type Captures = Parameters<typeof RemoteCode.atSite>[4];

/** Puts the API where bundles look for it, and makes it work. */
export function provideBundleApi(
  onBundleEntered: (hash: string) => void,
): void {
  wireApi({
    captureCode,
    hasDoubles,
    isRef,
    startSession: () => {
      throw new InvariantError("An executor's session starts with its thread");
    },
  });
  Reflect.set(globalThis, "__manta", {
    ...api,
    forBundle: (bundleUrl: string) => {
      onBundleEntered(bundleHashOf(bundleUrl));
      return forBundle(bundleUrl);
    },
  });
}

function forBundle(bundleUrl: string): object {
  const scope = THREAD_SERIALIZERS.scope(bundleHashOf(bundleUrl));
  return {
    ...api,
    registerSerializer: <T extends object>(
      registered: SerializableClass<T>,
      serializer: Serializer<T>,
    ) => scope.register(registered, serializer),
    site: (exportName: string, give: () => unknown) =>
      offerFromBundle(bundleUrl, exportName, give),
    siteRemote:
      (exportName: string, signature: Signature, captures?: Captures) =>
      (first: unknown, second?: unknown) =>
        makeRemote(first, second, (target) => {
          const fn = target as { name: string } & (() => unknown);
          const code = RemoteCode.atSite(
            bundleUrl,
            exportName,
            fn,
            signature,
            captures,
          );
          return PortableCode.here(fn.name || "anonymous", code);
        }),
  };
}
