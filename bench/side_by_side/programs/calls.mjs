// Calls to another process by JavaScript transports: `calls.mjs NAME` starts the
// server, the same file with `serve ADDRESS`, and a broker where one is needed,
// and prints the rows. Bundled into the folder of the peers.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import process from "node:process";
import { runCallRows } from "../call_rows.ts";
import { bullmq } from "./transports/bullmq.mjs";
import { capnweb } from "./transports/capnweb.mjs";
import { connect } from "./transports/connect.mjs";
import { grpc, grpcStream } from "./transports/grpc.mjs";
import { nats } from "./transports/nats.mjs";

const TRANSPORTS = {
  bullmq,
  capnweb,
  connect,
  grpc,
  "grpc_stream": grpcStream,
  nats,
};
const START_MS = 10_000;

const [name, role, givenPort] = process.argv.slice(2);
const transport = TRANSPORTS[name];

if (role === "serve") {
  await transport.serve(Number(givenPort));
  console.log("ready");
  // The client's end is this one's.
  process.stdin.on("end", () => process.exit(0)).resume();
} else {
  const children = [];
  let code = 0;
  try {
    const port = await freePort();
    if (transport.broker) {
      const { command, ready } = transport.broker(port);
      children.push(await start(command, ready));
    }
    const script = new URL(import.meta.url).pathname;
    const serve = [process.execPath, script, name, "serve", String(port)];
    children.push(await start(serve, "ready"));
    await runCallRows(await transport.connect(port));
  } catch (error) {
    console.error(error);
    code = 1;
  }
  for (const child of children.reverse()) child.kill();
  process.exit(code);
}

/** Resolves when the child has said that it is ready. */
function start([program, ...args], ready) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${program} ${why}: ${said}`));
    const timer = setTimeout(() => fail("is not ready"), START_MS);
    let said = "";
    const listen = (chunk) => {
      said = (said + chunk).slice(-1_000);
      if (!said.includes(ready)) return;
      clearTimeout(timer);
      resolve(child);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("error", () => fail("cannot be started"));
    child.once("exit", () => fail("has ended"));
  });
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
