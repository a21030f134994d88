// A port of loopback that nobody has, for programs that must be told one.

import { type AddressInfo, createServer } from "node:net";

/** See the head of the file. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
