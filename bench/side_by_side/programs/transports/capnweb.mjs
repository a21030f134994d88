// Cap'n Web over a WebSocket of the package ws, which both sides have on Node.

const load = (name) => import(name);

export const capnweb = {
  async serve(port) {
    const { RpcTarget, newWebSocketRpcSession } = await loadCapnweb();
    const { WebSocketServer } = await load("ws");
    class Api extends RpcTarget {
      call(value) {
        return value;
      }
      send(payload) {
        return payload.length;
      }
    }
    const server = new WebSocketServer({
      port,
      host: "127.0.0.1",
      perMessageDeflate: false,
    });
    server.on("connection", (it) => newWebSocketRpcSession(it, new Api()));
    await new Promise((resolve) => server.on("listening", resolve));
  },
  async connect(port) {
    const { newWebSocketRpcSession } = await loadCapnweb();
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    const api = newWebSocketRpcSession(socket);
    return {
      call: async (value) => await api.call(value),
      send: async (payload) => await api.send(payload),
    };
  },
};

async function loadCapnweb() {
  // It wants the global; Node 20 has none.
  globalThis.WebSocket ??= (await load("ws")).WebSocket;
  return await load("capnweb");
}
