// The network between the machines of a simulated cluster: channels as real
// sockets are, in order and without loss until they break, but slow, cut off or
// gone by the throw of dice. Below it there is nothing; above it all is real.

import type { Channel } from "../../runtime/platform/channel.ts";
import { ChannelInbox } from "../../runtime/platform/channel.ts";
import type {
  ChannelTarget,
  Connecting,
} from "../../runtime/platform/web_client.ts";
import type {
  ServeWebOptions,
  WebAnswer,
  WebServer,
} from "../../runtime/platform/web_server.ts";
import { ConnectionError } from "../../runtime/base/errors.ts";
import type { Dice } from "./dice.ts";

const PORT = 7_000;
/** Nothing is under way for longer, unless its way is cut. */
const LATENCY_MS_MAX = 60;

interface Packet {
  readonly sentAtMs: number;
  readonly bytes: Uint8Array;
}

/** What the network needs of its world. */
export interface SimWebPorts {
  readonly dice: Dice;
  nowMs(): number;
  after(delayMs: number, callback: () => void): void;
}

/** See the head of the file. */
export class SimWeb {
  readonly #ports: SimWebPorts;
  readonly #servers = new Map<string, ServeWebOptions["fetch"]>();
  #channels: SimChannel[] = [];
  /** Machines that nobody reaches, and that reach nobody. */
  readonly #cutOff = new Set<string>();

  constructor(ports: SimWebPorts) {
    this.#ports = ports;
  }

  /** A machine's server; gives its port. */
  serve({ hostname, fetch }: ServeWebOptions): Promise<WebServer> {
    this.#servers.set(hostname, fetch);
    return Promise.resolve({ port: PORT, stop: () => Promise.resolve() });
  }

  /** Connects, after a while, or does not; who has died meanwhile never hears. */
  open(
    from: string,
    target: ChannelTarget,
    isAlive: () => boolean,
  ): Promise<Connecting> {
    const { dice, after } = this.#ports;
    const { promise, resolve } = Promise.withResolvers<Connecting>();
    after(dice.below(LATENCY_MS_MAX), () => {
      if (!isAlive()) return;
      const connecting = this.#connect(from, target);
      after(dice.below(LATENCY_MS_MAX), () => resolve(connecting));
    });
    return promise;
  }

  #connect(from: string, { hostname, path, headers }: ChannelTarget) {
    const fetch = this.#servers.get(hostname);
    if (!fetch || this.#isCut(from, hostname)) {
      const error = new ConnectionError(`Cannot reach ${hostname}`);
      return { type: "unreachable", error } as const;
    }
    const host = `${hostname}:${PORT}`;
    const request = {
      url: `http://${host}${path}`,
      headers: new Headers({ ...headers, host }),
    } as Request;
    const answer = fetch(request, from) as WebAnswer;
    if (typeof answer !== "function") {
      const { status, headers } = answer;
      return { type: "answered", status, headers } as const;
    }
    const near = new SimChannel(from, () => this.#ports.nowMs());
    const far = new SimChannel(hostname, () => this.#ports.nowMs());
    near.peer = far;
    far.peer = near;
    this.#channels.push(near, far);
    answer(far);
    return { type: "connected", channel: near } as const;
  }

  #isCut(one: string, other: string): boolean {
    return this.#cutOff.has(one) || this.#cutOff.has(other);
  }

  // -- What happens ----------------------------------------------------------

  /** Something arrives somewhere. */
  deliver(): void {
    const busy = this.#channels.filter((channel) => this.#mayArrive(channel));
    if (busy.length === 0) return;
    const channel = this.#ports.dice.pick(busy);
    const count = 1 + this.#ports.dice.below(4);
    for (let turn = 0; turn < count; turn++) channel.takeOne();
  }

  /** What would be late by now arrives. */
  advance(): void {
    const atMs = this.#ports.nowMs() - LATENCY_MS_MAX;
    for (const channel of [...this.#channels]) {
      while (this.#mayArrive(channel) && channel.firstAtMs <= atMs) {
        channel.takeOne();
      }
    }
    this.#channels = this.#channels.filter(({ isOver }) => !isOver);
  }

  #mayArrive(channel: SimChannel): boolean {
    return channel.firstAtMs < Infinity &&
      !this.#isCut(channel.host, channel.peer!.host);
  }

  /** A connection breaks: what is under way on it is lost. Says which one. */
  breakSome(): string | undefined {
    const open = this.#channels.filter(({ isOver }) => !isOver);
    if (open.length === 0) return undefined;
    const channel = this.#ports.dice.pick(open);
    channel.break();
    return `${channel.host} and ${channel.peer!.host}`;
  }

  /** Nothing gets through to a machine or from it, until `rejoin`. */
  cutOff(host: string): void {
    this.#cutOff.add(host);
  }

  /** The way is free again; connections may have been given up meanwhile. */
  rejoin(host: string): void {
    this.#cutOff.delete(host);
    for (const channel of this.#channels) {
      const isOf = channel.host === host || channel.peer!.host === host;
      if (isOf && this.#ports.dice.chance(0.5)) channel.break();
    }
  }

  /** A machine is gone, with its server and all of its connections. */
  crash(host: string): void {
    this.#servers.delete(host);
    this.#cutOff.delete(host);
    for (const channel of this.#channels) {
      if (channel.host === host) channel.crash();
    }
  }
}

/** One end of a simulated connection. */
class SimChannel implements Channel {
  readonly bufferedBytes = 0;
  readonly host: string;
  peer: SimChannel | undefined;
  readonly #inbox = new ChannelInbox();
  readonly #nowMs: () => number;
  #incoming: (Packet | "closed")[] = [];
  #lastAtMs = 0;

  constructor(host: string, nowMs: () => number) {
    this.host = host;
    this.#nowMs = nowMs;
  }

  get isOver(): boolean {
    return this.#inbox.isOver;
  }

  /** When the next thing that is to arrive was sent; Infinity for none. */
  get firstAtMs(): number {
    const [first] = this.#incoming;
    if (!first || this.isOver) return Infinity;
    return first === "closed" ? this.#lastAtMs : first.sentAtMs;
  }

  send(bytes: Uint8Array): boolean {
    if (this.isOver) return false;
    this.peer!.#arrives({ sentAtMs: this.#nowMs(), bytes: bytes.slice() });
    return true;
  }

  #arrives(packet: Packet | "closed"): void {
    this.#incoming.push(packet);
    this.#lastAtMs = this.#nowMs();
  }

  start(receiver: Parameters<Channel["start"]>[0]): void {
    this.#inbox.start(receiver);
  }

  /** This side ends it; the other gets what was sent before. */
  close(): void {
    if (this.isOver) return;
    this.#inbox.end(false);
    this.peer!.#arrives("closed");
  }

  takeOne(): void {
    const first = this.#incoming.shift();
    if (!first) return;
    if (first === "closed") this.#inbox.end();
    else this.#inbox.receive(first.bytes);
  }

  break(): void {
    for (const end of [this, this.peer!]) end.#incoming = ["closed"];
  }

  /** This side is gone without a word; the other finds out. */
  crash(): void {
    if (this.isOver) return;
    this.#inbox.end(false);
    this.peer!.#incoming = ["closed"];
  }
}
