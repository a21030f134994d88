// The wires of a driver in another process than its node: streams of one
// connection. Nothing is shared, and nothing can be watched for: what comes is
// delivered by the event loop.

import type { MantaError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import { DriverCode } from "./driver_code.ts";
import type {
  CodeKept,
  DriverWelcome,
  StreamOpened,
} from "./protocol/driver_messages.ts";
import { HeldNews } from "./held_news.ts";
import { RemoteControl } from "./remote_control.ts";
import type { NodeLink, ThreadMail, ThreadWires } from "./thread_wires.ts";
import type { Link, LinkMessage, LinkReceiver } from "./transport/link.ts";
import { RemoteLink } from "./transport/remote_link.ts";
import type { RemoteSession } from "./transport/remote_session.ts";

/** What a connection is asked for beside messages. */
export interface RemoteWiresPorts {
  welcomed(message: DriverWelcome): void;
}

/** See the head of the file. */
export class RemoteWires implements ThreadWires {
  readonly node: NodeLink;
  readonly control: RemoteControl["calls"];
  readonly mail: ThreadMail;
  readonly canWatch = false;
  readonly code: DriverCode;
  readonly #session: RemoteSession;
  readonly #link: RemoteLink;
  readonly #calls: RemoteControl;
  readonly #ports: RemoteWiresPorts;
  readonly #news = new HeldNews((message) => this.#deliver(message));
  #receiver: LinkReceiver | undefined;

  constructor(session: RemoteSession, ports: RemoteWiresPorts) {
    this.#session = session;
    this.#ports = ports;
    this.#link = new RemoteLink(session.streams, 0);
    this.#calls = new RemoteControl(new RemoteLink(session.streams, 1));
    this.control = this.#calls.calls;
    this.node = this.#nodeLink();
    this.code = new DriverCode((message) => {
      this.#link.send(message);
      this.#link.flush();
    });
    this.mail = {
      onMail: () => {},
      hasMail: false,
      poll: () => {},
      unpark: () => {},
      park: () => true,
      sleep: () => {},
    };
  }

  /** The connection has brought something. */
  received(): void {
    this.#news.release();
    this.mail.onMail();
  }

  sendNow(): void {
    this.#session.sendNow();
  }

  openPeer(opened: { readonly peer: WorkerId }): Link {
    const { stream } = opened as StreamOpened;
    const link = new RemoteLink(this.#session.streams, stream);
    this.#news.opened(stream, link);
    return link;
  }

  end(reason: MantaError): void {
    this.#calls.fail(reason);
    this.code.fail(reason);
  }

  #nodeLink(): NodeLink {
    const link = this.#link;
    return {
      get backlogBytes() {
        return link.backlogBytes;
      },
      send: (message) => link.send(message),
      flush: () => link.flush(),
      sendShared: (message) => link.sendShared(message),
      drain: () => link.drain(),
      close: () => link.close(),
      start: (receiver) => {
        this.#receiver = receiver;
        link.start({
          receive: (message) => this.#news.take(message),
          closed: () => receiver.closed(),
        });
      },
      sendBacklog: () => {},
      pollShared: () => {},
    };
  }

  #deliver(message: LinkMessage): void {
    switch (message.type) {
      case "driver_welcome":
        return this.#ports.welcomed(message as DriverWelcome);
      case "code_kept":
        return this.code.kept(message as CodeKept);
      default:
        return this.#receiver!.receive(message);
    }
  }
}
