// The calls of `node_control.ts` over a stream of a connection: comlink's
// messages on a link. The node's side lets only calls of its own methods
// through: what else comlink can do would reach into the node.

import * as Comlink from "comlink";
import { ProtocolError } from "./base/errors.ts";
import type { NodeControl } from "./node_control.ts";
import type { Link, LinkMessage } from "./transport/link.ts";

type Listener = (event: { readonly data: unknown }) => void;

interface ControlMessage extends LinkMessage {
  readonly type: "control";
  readonly content: unknown;
}

/** What comlink sends for a call. */
interface CallContent {
  readonly type: "APPLY";
  readonly path: readonly string[];
  readonly argumentList: readonly { readonly type: string }[];
}

/** A link as comlink wants it. */
class LinkEndpoint {
  readonly #link: Link;
  readonly #listeners = new Set<Listener>();

  constructor(link: Link, check: (content: unknown) => void = () => {}) {
    this.#link = link;
    link.start({
      receive: (message) => {
        const { content } = message as ControlMessage;
        check(content);
        for (const listener of this.#listeners) listener({ data: content });
      },
      closed: () => {},
    });
  }

  postMessage(content: unknown): void {
    const message: ControlMessage = { type: "control", content };
    this.#link.send(message);
    this.#link.flush();
  }

  addEventListener(_type: string, listener: unknown): void {
    this.#listeners.add(listener as Listener);
  }

  removeEventListener(_type: string, listener: unknown): void {
    this.#listeners.delete(listener as Listener);
  }
}

/** Answers the calls that come over the link. */
export function answerControl(link: Link, calls: NodeControl): void {
  const names: ReadonlySet<string> = new Set(Object.keys(calls));
  const endpoint = new LinkEndpoint(link, (content) => {
    if (!isCall(content, names)) {
      throw new ProtocolError("Cannot answer a call: the node has none such");
    }
  });
  Comlink.expose(calls, endpoint as unknown as Comlink.Endpoint);
}

function isCall(content: unknown, names: ReadonlySet<string>): boolean {
  const { type, path, argumentList } = (content ?? {}) as CallContent;
  return type === "APPLY" && Array.isArray(path) && path.length === 1 &&
    names.has(path[0]) && Array.isArray(argumentList) &&
    argumentList.every((argument) => argument?.type === "RAW");
}

/** The caller's side: its calls fail when the connection does. */
export class RemoteControl {
  readonly calls: Comlink.Remote<NodeControl>;
  readonly #pending = new Set<(error: Error) => void>();
  #failure: Error | undefined;

  constructor(link: Link) {
    const endpoint = new LinkEndpoint(link);
    const remote = Comlink.wrap<NodeControl>(
      endpoint as unknown as Comlink.Endpoint,
    );
    this.calls = new Proxy({} as Comlink.Remote<NodeControl>, {
      get: (_, name) => (...args: readonly unknown[]) =>
        this.#guard(() =>
          (remote as unknown as Record<
            string | symbol,
            (...args: readonly unknown[]) => Promise<unknown>
          >)[name]!(...args)
        ),
    });
  }

  /** No answer will come any more. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }

  #guard(call: () => Promise<unknown>): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      call().then(resolve, reject).finally(() => this.#pending.delete(reject));
    });
  }
}
