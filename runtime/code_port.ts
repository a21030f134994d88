// The code of remote functions and classes as the API sees it, on top of
// `code/`: where it stands, whether it can be shipped, and the shipping.

import type { Arity, ShippableCode } from "./api/session_port.ts";
import { readBundle } from "./code/code_cache.ts";
import { RemoteCode, shippedBundle, variantOf } from "./code/remote_code.ts";
import type { CodeVariant } from "./code/variant.ts";
import type { WireCode } from "./protocol/messages.ts";

/** Code of this thread, or of another that it came from. */
export class PortableCode implements ShippableCode {
  readonly name: string;
  /** Where executors find it, once that is known. */
  wire: WireCode | undefined;
  readonly #code: RemoteCode | undefined;
  readonly #find: (variant?: CodeVariant) => Promise<WireCode>;
  /** By the key of the variant; "" for none. */
  readonly #shipping = new Map<string, Promise<WireCode>>();

  private constructor(
    name: string,
    code: RemoteCode | undefined,
    find: (variant?: CodeVariant) => Promise<WireCode>,
  ) {
    this.name = name;
    this.#code = code;
    this.#find = find;
  }

  /** Code that stands in this thread's sources or bundles. */
  static here(name: string, code: RemoteCode): PortableCode {
    return new PortableCode(name, code, async (variant) => {
      const { reference, bundle } = await code.bundle(variant);
      return { ...reference, path: bundle.path };
    });
  }

  /** Code that is bundled already. */
  static bundled(name: string, wire: WireCode): PortableCode {
    const code = new PortableCode(
      name,
      undefined,
      (variant) => wireVariant(wire, variant),
    );
    code.wire = wire;
    return code;
  }

  /** Code that another thread has. */
  static elsewhere(
    name: string,
    find: () => Promise<WireCode>,
  ): PortableCode {
    return new PortableCode(
      name,
      undefined,
      async (variant) => await wireVariant(await find(), variant),
    );
  }

  analyse(): void {
    this.#code?.analyse();
  }

  arity(method?: string): Arity | undefined {
    const { call, methods } = this.#code?.signature ?? {};
    const range = method === undefined ? call : methods?.[method];
    return range && { least: range[0], most: range[1] ?? Infinity };
  }

  /** Where executors find the code; bundles it at the first call. */
  ship(variant?: CodeVariant): Promise<WireCode> {
    const key = variant?.key ?? "";
    let shipping = this.#shipping.get(key);
    if (!shipping) this.#shipping.set(key, shipping = this.#ship(variant));
    return shipping;
  }

  async #ship(variant: CodeVariant | undefined): Promise<WireCode> {
    const wire = await this.#find(variant);
    if (!variant) this.wire = wire;
    return wire;
  }
}

/** Code that is on disk, for another environment than it was made for. */
async function wireVariant(
  wire: WireCode,
  variant: CodeVariant | undefined,
): Promise<WireCode> {
  const { hash, exportName } = wire;
  // Of another process: it is where executors look for it.
  if (!variant && !readBundle(hash)) return wire;
  const shipped = shippedBundle({ hash, exportName });
  const { reference, bundle } = await variantOf(shipped, variant);
  return { ...reference, path: bundle.path };
}

/** The code of a function that is made remote; cheap. */
export function captureCode(target: unknown): PortableCode {
  const fn = target as { name: string } & (() => unknown);
  return PortableCode.here(fn.name || "anonymous", RemoteCode.capture(fn));
}

/** The code behind the API's view of it. */
export function shippable(code: ShippableCode): PortableCode {
  return code as PortableCode;
}
