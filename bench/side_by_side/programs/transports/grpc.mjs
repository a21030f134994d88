// gRPC by @grpc/grpc-js: a call of its own for each, or one stream for all with
// numbers to tell the answers apart. Without TLS, as all transports here.

const load = (name) => import(name);

/** A message as protobuf.js has it in its JSON form. */
const BENCH = {
  nested: {
    bench: {
      nested: {
        Request: {
          fields: {
            id: { type: "uint32", id: 1 },
            value: { type: "uint32", id: 2 },
            payload: { type: "bytes", id: 3 },
          },
        },
        Reply: {
          fields: {
            id: { type: "uint32", id: 1 },
            value: { type: "uint32", id: 2 },
          },
        },
        Bench: {
          methods: {
            Call: { requestType: "Request", responseType: "Reply" },
            Stream: {
              requestType: "Request",
              requestStream: true,
              responseType: "Reply",
              responseStream: true,
            },
          },
        },
      },
    },
  },
};

export const grpc = {
  serve,
  async connect(port) {
    const client = await open(port);
    const call = (request) =>
      new Promise((resolve, reject) => {
        client.Call(request, (error, reply) => {
          error ? reject(error) : resolve(reply.value);
        });
      });
    return {
      call: (value) => call({ value }),
      send: (payload) => call({ payload }),
    };
  },
};

export const grpcStream = {
  serve,
  async connect(port) {
    const stream = (await open(port)).Stream();
    const waiting = new Map();
    let lastId = 0;
    stream.on("data", ({ id, value }) => {
      const resolve = waiting.get(id);
      waiting.delete(id);
      resolve(value);
    });
    const call = (request) =>
      new Promise((resolve) => {
        const id = ++lastId;
        waiting.set(id, resolve);
        stream.write({ ...request, id });
      });
    return {
      call: (value) => call({ value }),
      send: (payload) => call({ payload }),
    };
  },
};

async function definition() {
  const { default: library } = await load("@grpc/grpc-js");
  const { fromJSON } = await load("@grpc/proto-loader");
  const types = library.loadPackageDefinition(
    fromJSON(BENCH, { defaults: true }),
  );
  return { library, Bench: types.bench.Bench };
}

async function open(port) {
  const { library, Bench } = await definition();
  return new Bench(
    `127.0.0.1:${port}`,
    library.credentials.createInsecure(),
  );
}

async function serve(port) {
  const { library, Bench } = await definition();
  const answer = ({ id, value, payload }) => ({
    id,
    value: payload.length > 0 ? payload.length : value,
  });
  const server = new library.Server();
  server.addService(Bench.service, {
    Call: ({ request }, reply) => reply(null, answer(request)),
    Stream: (stream) => {
      stream.on("data", (request) => stream.write(answer(request)));
      stream.on("end", () => stream.end());
    },
  });
  await new Promise((resolve, reject) => {
    server.bindAsync(
      `127.0.0.1:${port}`,
      library.ServerCredentials.createInsecure(),
      (error) => error ? reject(error) : resolve(),
    );
  });
}
