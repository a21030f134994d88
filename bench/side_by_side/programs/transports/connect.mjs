// Connect, by its own protocol over HTTP/2. The service is described at run
// time, so that nothing has to be generated.

import { createServer } from "node:http2";

const load = (name) => import(name);

export const connect = {
  async serve(port) {
    const { connectNodeAdapter } = await load("@connectrpc/connect-node");
    const service = await describe();
    const routes = (router) =>
      router.service(service, {
        call: ({ value, payload }) => ({
          value: payload.length > 0 ? payload.length : value,
        }),
      });
    const server = createServer(connectNodeAdapter({ routes }));
    await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  },
  async connect(port) {
    const { createClient } = await load("@connectrpc/connect");
    const { createConnectTransport } = await load("@connectrpc/connect-node");
    const transport = createConnectTransport({
      baseUrl: `http://127.0.0.1:${port}`,
      httpVersion: "2",
    });
    const client = createClient(await describe(), transport);
    return {
      call: async (value) => (await client.call({ value })).value,
      send: async (payload) => (await client.call({ payload })).value,
    };
  },
};

async function describe() {
  const { create, createFileRegistry } = await load("@bufbuild/protobuf");
  const wkt = await load("@bufbuild/protobuf/wkt");
  const { UINT32, BYTES } = wkt.FieldDescriptorProto_Type;
  const field = (name, number, type) => ({
    name,
    number,
    type,
    label: wkt.FieldDescriptorProto_Label.OPTIONAL,
    jsonName: name,
  });
  const value = field("value", 1, UINT32);
  const file = create(wkt.FileDescriptorProtoSchema, {
    name: "bench.proto",
    package: "bench",
    syntax: "proto3",
    messageType: [
      { name: "Request", field: [value, field("payload", 2, BYTES)] },
      { name: "Reply", field: [value] },
    ],
    service: [{
      name: "Bench",
      method: [{
        name: "Call",
        inputType: ".bench.Request",
        outputType: ".bench.Reply",
      }],
    }],
  });
  const files = create(wkt.FileDescriptorSetSchema, { file: [file] });
  return createFileRegistry(files).getService("bench.Bench");
}
