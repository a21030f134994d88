// The child processes of a node. To the node each is a peer whose other end is
// a stream: the child's main thread relays it to the rings of an executor like
// any other. Belongs to the wiring of a node.

import * as Comlink from "comlink";
import {
  type MantaError,
  OutOfMemoryError,
  WorkerDiedError,
} from "./base/errors.ts";
import { systemClock, systemTimers } from "./base/clock.ts";
import type { WorkerId } from "./base/ids.ts";
import { CHILD_END_MS_MAX, CHILD_LAST_LINES } from "./base/limits.ts";
import {
  CHILD_STREAM,
  type FromChild,
  NODE_STREAM,
  type ToChild,
} from "./child_messages.ts";
import type { ChildEntries, ExecutorHome } from "./host_messages.ts";
import type { NodeControl } from "./node_control.ts";
import type { NodePeer } from "./node_peers.ts";
import type { Channel } from "./platform/channel.ts";
import {
  type ChildEnd,
  type PlatformChild,
  startChild,
} from "./platform/child_process.ts";
import {
  listenLocally,
  type LocalServer,
  socketPath,
} from "./platform/local_socket.ts";
import type { OutputStream, ScriptCommand } from "./platform/platform.ts";
import { CHILD_TO_STORE } from "./object_store/chunk_messages.ts";
import {
  ANYTHING,
  COUNT,
  MessageReader,
  text,
  withStranger,
} from "./protocol/message_shape.ts";
import { CHILD_TO_NODE } from "./protocol/node_message_shapes.ts";
import type { FromNode, OutputLine } from "./protocol/node_messages.ts";
import type { LinkMessage } from "./transport/link.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import { RelayedPeers } from "./relayed_peers.ts";
import { linkOver, RemoteLink } from "./transport/remote_link.ts";
import { RemoteSession } from "./transport/remote_session.ts";

/** What the node gives. */
export interface NodeChildrenPorts {
  readonly mailbox: Mailbox;
  readonly sessionPath: string;
  readonly entries: ChildEntries;
  /** The command that makes a child process of an entry. */
  command(url: string, args: readonly string[]): ScriptCommand;
  /** A child's streams have got something. */
  received(): void;
  /** A line that went past the capture of user code's output. */
  printed(workerId: WorkerId, line: OutputLine): void;
  /** Called once for each child that is gone. */
  ended(workerId: WorkerId, error: MantaError): void;
}

/** See the head of the file. */
export class NodeChildren {
  readonly #ports: NodeChildrenPorts;
  readonly #children = new Map<WorkerId, NodeChild>();
  #server: LocalServer | undefined;
  #socket: ReturnType<typeof socketPath> | undefined;

  constructor(ports: NodeChildrenPorts) {
    this.#ports = ports;
  }

  has(workerId: WorkerId): boolean {
    return this.#children.has(workerId);
  }

  /** Its process's number, once it runs. */
  pidOf(workerId: WorkerId): number | undefined {
    return this.#children.get(workerId)?.pid;
  }

  /** Starts a child; what is sent to it waits until it is up. */
  start(home: ExecutorHome, calls: NodeControl): NodePeer {
    const { workerId } = home.identity;
    const { path } = this.#socket ??= socketPath(
      this.#ports.sessionPath,
      "node.sock",
    );
    this.#server ??= listenLocally(path, (name, channel) => {
      const child = this.#children.get(name as WorkerId);
      if (child) child.attach(channel);
      else channel.close();
    });
    const child = new NodeChild(home, calls, {
      ...this.#ports,
      ended: (id, error) => {
        this.#children.delete(id);
        this.#ports.ended(id, error);
      },
    });
    this.#children.set(workerId, child);
    this.#server.ready.then(
      () => child.run([path, workerId]),
      (error) => child.over({ failure: `its socket failed: ${error.message}` }),
    );
    return child.peer;
  }

  /** Ends a child at once, whatever it does. */
  kill(workerId: WorkerId): void {
    this.#children.get(workerId)?.kill();
  }

  /** Ends all of them; resolves when they are gone. */
  async end(): Promise<void> {
    const children = [...this.#children.values()];
    for (const child of children) child.kill();
    await Promise.all(children.map(({ gone }) => gone));
    this.#server?.close();
    this.#socket?.remove();
  }
}

/** One child, from its start to its end. */
class NodeChild {
  readonly peer: NodePeer;
  readonly gone: Promise<void>;
  readonly #gone = Promise.withResolvers<void>();
  readonly #workerId: WorkerId;
  readonly #ports: NodeChildrenPorts;
  readonly #session: RemoteSession;
  readonly #bridge: RemoteLink;
  readonly #control = new MessageChannel();
  #process: PlatformChild | undefined;
  /** The latest lines of its standard error, while it starts. */
  readonly #lastLines: string[] = [];
  #hasConnected = false;
  #isKilled = false;
  #reason: MantaError | undefined;
  /** How the process has ended. */
  #end: Partial<ChildEnd> | undefined;

  constructor(
    { identity, codeFolder }: ExecutorHome,
    calls: NodeControl,
    ports: NodeChildrenPorts,
  ) {
    this.gone = this.#gone.promise;
    this.#workerId = identity.workerId;
    this.#ports = ports;
    this.#session = new RemoteSession({
      epoch: 1,
      isNumbering: true,
      clock: systemClock,
      timers: systemTimers,
      onReceived: () => ports.received(),
      onDetached: () => this.#session.over("peer_died"),
      onEnded: () => this.#disconnected(),
    });
    // It is of this machine, and its connection breaks with it.
    this.#session.peerLives = () => true;
    const { streams } = this.#session;
    const link = new RemoteLink(streams, NODE_STREAM);
    this.#bridge = new RemoteLink(streams, CHILD_STREAM);
    const { mailbox } = ports;
    const peers = new RelayedPeers({ link, streams, mailbox });
    this.peer = {
      // On it news wait for what they are about.
      link: linkOver(link, {
        start: (receiver) =>
          link.start({
            receive: (message) =>
              withStranger(() => receiver.receive(readFromChild(message))),
            closed: receiver.closed,
          }),
        send: (message) => peers.sendNews(message as FromNode),
      }),
      mailbox: mailbox.buffer,
      memory: "files",
      open: (peer, end) => peers.open(peer, end),
      broken: (error) => this.#session.breakOff(error),
    };
    this.#bridge.start({
      receive: (message) => this.#fromChild(FROM_CHILD.read(message)),
      closed: () => {},
    });
    Comlink.expose(calls, this.#control.port1);
    this.#control.port2.onmessage = ({ data: message }) =>
      this.#tell({ type: "control_message", message });
    const { sessionPath } = ports;
    this.#tell({ type: "child_start", identity, codeFolder, sessionPath });
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  run(args: readonly string[]): void {
    if (this.#isKilled) return this.over({ signal: "SIGKILL" });
    const { command, entries } = this.#ports;
    this.#process = startChild({
      ...command(entries.processUrl, [...args, entries.threadUrl]),
      onLine: (stream, line) => this.#printed(stream, line),
      onEnded: (end) => this.over(end),
    });
  }

  attach(channel: Channel): void {
    if (this.#hasConnected) return channel.close();
    this.#hasConnected = true;
    this.#session.attach(channel);
  }

  kill(): void {
    this.#isKilled = true;
    this.#process?.kill();
  }

  /** The process has ended; what it sent may still be on its way. */
  over(end: Partial<ChildEnd>): void {
    this.#end = end;
    if (!this.#hasConnected || this.#session.end) this.#ended();
    // Its end of the socket is closed: the rest comes, then the end.
  }

  /** Most often because the process ends: how, is told a moment later. */
  #disconnected(): void {
    const { brokenBy } = this.#session;
    if (brokenBy) {
      this.#reason ??= new WorkerDiedError(
        `Child process ${this.#workerId} was ended: ${brokenBy.message}`,
        { cause: brokenBy },
      );
      this.kill();
    }
    if (this.#end) return this.#ended();
    systemTimers.after(CHILD_END_MS_MAX, () => this.kill());
  }

  #ended(): void {
    this.#gone.resolve();
    if (!this.#session.end) this.#session.over("peer_died");
    this.#control.port1.close();
    this.#control.port2.close();
    this.#ports.ended(this.#workerId, this.#reason ?? this.#endError());
  }

  #endError(): WorkerDiedError {
    const { code, signal, failure } = this.#end!;
    const { pid } = this;
    const name = `Child process ${this.#workerId}`;
    const how = failure !== undefined
      ? `could not be started: ${failure}`
      : signal
      ? `(pid ${pid}) was ended by signal ${signal}`
      : `(pid ${pid}) ended by itself with exit code ${code}`;
    const last = this.#hasConnected || this.#lastLines.length === 0
      ? ""
      : `, before it was up; it printed: ${this.#lastLines.join("\n")}`;
    return new WorkerDiedError(`${name} ${how}${last}`, {
      details: { pid, exitCode: code, signal },
    });
  }

  #tell(message: ToChild): void {
    this.#bridge.send(message);
    this.#bridge.flush();
  }

  #fromChild(message: FromChild): void {
    switch (message.type) {
      case "control_message":
        this.#control.port2.postMessage(message.message);
        break;
      case "executor_ended":
        this.#reason = new WorkerDiedError(
          `Child process ${this.#workerId} ended: ${message.reason}`,
        );
        break;
      case "memory_exceeded": {
        const { name, usedBytes, limitBytes } = message;
        this.#reason = new OutOfMemoryError(
          `${name} was stopped: its process used ${usedBytes} bytes of ` +
            `memory, and its option "memory" allows ${limitBytes}`,
          { details: { usedBytes, limitBytes } },
        );
        this.kill();
      }
    }
  }

  #printed(stream: OutputStream, text: string): void {
    if (!this.#hasConnected && stream === "stderr") {
      this.#lastLines.push(text);
      if (this.#lastLines.length > CHILD_LAST_LINES) this.#lastLines.shift();
    }
    this.#ports.printed(this.#workerId, { stream, text, source: "" });
  }
}

const FROM_CHILD = new MessageReader<FromChild>({
  memory_exceeded: { name: text(), usedBytes: COUNT, limitBytes: COUNT },
  executor_ended: { reason: text() },
  control_message: { message: ANYTHING },
});

function readFromChild(message: LinkMessage): LinkMessage {
  const isToStore = CHILD_TO_STORE.knows(message.type);
  return (isToStore ? CHILD_TO_STORE : CHILD_TO_NODE).read(message);
}
