// Request and reply through a NATS server, which is a process of its own.

import process from "node:process";

const load = (name) => import(name);
const TIMEOUT_MS = 20_000;

export const nats = {
  broker: (port) => ({
    command: [
      process.env.BENCH_NATS_SERVER,
      "--addr",
      "127.0.0.1",
      "--port",
      String(port),
    ],
    ready: "Server is ready",
  }),
  async serve(port) {
    const connection = await open(port);
    connection.subscribe("call", {
      callback: (_error, message) => message.respond(message.data),
    });
    connection.subscribe("send", {
      callback: (_error, message) =>
        message.respond(encode(message.data.length)),
    });
    await connection.flush();
  },
  async connect(port) {
    const connection = await open(port);
    const ask = async (subject, payload) => {
      const options = { timeout: TIMEOUT_MS };
      const { data } = await connection.request(subject, payload, options);
      return new DataView(data.buffer, data.byteOffset).getUint32(0);
    };
    return {
      call: (value) => ask("call", encode(value)),
      send: (payload) => ask("send", payload),
    };
  },
};

async function open(port) {
  const { connect } = await load("@nats-io/transport-node");
  return await connect({ servers: `127.0.0.1:${port}` });
}

function encode(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
