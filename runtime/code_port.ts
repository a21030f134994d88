// The code of remote functions and classes as the API sees it, on top of
// `code/`: where it stands, whether it can be shipped, and the shipping.

import type { Arity, ShippableCode } from "./api/session_port.ts";
import { RemoteCode } from "./code/remote_code.ts";
import type { WireCode } from "./protocol/messages.ts";

/** Code of this thread, or of another that it came from. */
export class PortableCode implements ShippableCode {
  readonly name: string;
  /** Where executors find it, once that is known. */
  wire: WireCode | undefined;
  readonly #code: RemoteCode | undefined;
  readonly #find: () => Promise<WireCode>;
  #shipping: Promise<WireCode> | undefined;

  private constructor(
    name: string,
    code: RemoteCode | undefined,
    find: () => Promise<WireCode>,
  ) {
    this.name = name;
    this.#code = code;
    this.#find = find;
  }

  /** Code that stands in this thread's sources or bundles. */
  static here(name: string, code: RemoteCode): PortableCode {
    return new PortableCode(name, code, async () => {
      const { reference, bundle } = await code.bundle();
      return { ...reference, path: bundle.path };
    });
  }

  /** Code that is bundled already. */
  static bundled(name: string, wire: WireCode): PortableCode {
    const code = new PortableCode(name, undefined, () => Promise.resolve(wire));
    code.wire = wire;
    return code;
  }

  /** Code that another thread has. */
  static elsewhere(
    name: string,
    find: () => Promise<WireCode>,
  ): PortableCode {
    return new PortableCode(name, undefined, find);
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
  ship(): Promise<WireCode> {
    return this.#shipping ??= this.#ship();
  }

  async #ship(): Promise<WireCode> {
    return this.wire = await this.#find();
  }
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
