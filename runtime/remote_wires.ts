// The wires of a driver in another process than its node: streams of one
// connection. Nothing is shared, and nothing can be watched for: what comes is
// delivered by the event loop.

import type { MantaError } from "./base/errors.ts";
import type { WorkerId } from "./base/ids.ts";
import { DriverCode } from "./driver_code.ts";
import type { ProcessName } from "./platform/process_life.ts";
import type {
  CodeKept,
  DriverWelcome,
  StreamOpened,
} from "./protocol/driver_messages.ts";
import { HeldNews } from "./held_news.ts";
import { RemoteControl } from "./remote_control.ts";
import type { NodeLink, ThreadMail, ThreadWires } from "./thread_wires.ts";
import type { Link, LinkMessage, LinkReceiver } from "./transport/link.ts";
import { linkOver, RemoteLink } from "./transport/remote_link.ts";
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
  nodeProcess: ProcessName | undefined;
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
    const link = linkOver(this.#link, {
      start: (receiver) => {
        this.#receiver = receiver;
        this.#link.start({
          receive: (message) => this.#news.take(message),
          closed: () => receiver.closed(),
        });
      },
    });
    return Object.assign(link, { sendBacklog() {}, pollShared() {} });
  }

  #deliver(message: LinkMessage): void {
    switch (message.type) {
      case "driver_welcome":
        this.nodeProcess = (message as DriverWelcome).home;
        return this.#ports.welcomed(message as DriverWelcome);
      case "code_kept":
        return this.code.kept(message as CodeKept);
      default:
        return this.#receiver!.receive(message);
    }
  }
}
