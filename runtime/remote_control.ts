// The calls of `node_control.ts` over a stream of a connection: comlink's
// messages on a link. The node's side lets only calls of its own methods
// through: what else comlink can do would reach into the node.

import * as Comlink from "comlink";
import type { JobId, PlacementGroupId } from "./base/ids.ts";
import type { NodeControl } from "./node_control.ts";
import {
  anyOf,
  ANYTHING,
  brokenField,
  COUNT,
  id,
  list,
  MessageReader,
  object,
  oneOf,
  type Shape,
  text,
  tuple,
} from "./protocol/message_shape.ts";
import { PART_NOUNS } from "./protocol/state_answers.ts";
import type { Link, LinkMessage } from "./transport/link.ts";

type Listener = (event: { readonly data: unknown }) => void;

interface ControlMessage extends LinkMessage {
  readonly type: "control";
  readonly content: unknown;
}

/** What comlink sends for a call. */
interface CallContent {
  readonly id: string | number;
  readonly type: "APPLY";
  readonly path: readonly string[];
  readonly argumentList: readonly {
    readonly type: "RAW";
    readonly value: unknown;
  }[];
}

/** The arguments of each call. */
const ARGUMENTS: {
  readonly [Name in keyof NodeControl]: Shape<Parameters<NodeControl[Name]>>;
} = {
  nodes: tuple(),
  totals: tuple(),
  available: tuple(),
  findActor: tuple(text(), text()),
  pending: tuple(),
  parts: tuple(
    oneOf(...PART_NOUNS),
    anyOf<JobId | null>(id<JobId>(), oneOf(null)),
  ),
  memory: tuple(),
  jobs: tuple(),
  bundle: tuple(text()),
  groupReady: tuple(id<PlacementGroupId>()),
  leftovers: tuple(),
  collectGarbage: tuple(),
};

const NAME = oneOf(...Object.keys(ARGUMENTS));
const CALLS = new MessageReader<ControlMessage>({
  control: {
    content: object<CallContent>({
      id: anyOf<string | number>(id(), COUNT),
      type: oneOf("APPLY"),
      path: list(NAME, 1),
      argumentList: list(object({ type: oneOf("RAW"), value: ANYTHING })),
    }),
  },
});

/** Checks a call that any process may have written. */
function checkCall(message: LinkMessage): void {
  const content = CALLS.read(message).content as CallContent;
  const { path: [name = ""], argumentList } = content;
  const argumentsOf = ARGUMENTS[name as keyof NodeControl];
  if (!argumentsOf) throw brokenField(message.type, "content.path");
  const wrong = argumentsOf(argumentList.map(({ value }) => value));
  if (wrong !== undefined) {
    throw brokenField(message.type, `content.argumentList${wrong}`);
  }
}

/** A link as comlink wants it. */
class LinkEndpoint {
  readonly #link: Link;
  readonly #listeners = new Set<Listener>();

  constructor(link: Link, check: (message: LinkMessage) => void = () => {}) {
    this.#link = link;
    link.start({
      receive: (message) => {
        check(message);
        const { content } = message as ControlMessage;
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
  const endpoint = new LinkEndpoint(link, checkCall);
  Comlink.expose(calls, endpoint as unknown as Comlink.Endpoint);
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
