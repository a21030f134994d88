// The far side of a hammered link, in a thread of its own.

import { hammer } from "./link_hammer.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => scope.postMessage(await hammer(data));
