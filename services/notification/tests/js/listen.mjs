// Connects as any browser would, subscribes, and prints every event as one JSON line: [name, data].
// Argument: {url, token, transport: "websocket" | "polling" | "upgrade", lastEventId?, rooms}.
import { io } from "socket.io-client";

const options = JSON.parse(process.argv[2]);
const say = (name, data) => process.stdout.write(JSON.stringify([name, data]) + "\n");

const socket = io(options.url, {
  transports: options.transport === "upgrade" ? ["polling", "websocket"] : [options.transport],
  auth: { token: options.token, lastEventId: options.lastEventId ?? undefined },
});

// The session's move to websocket, if it comes to it.
socket.io.on("open", () => socket.io.engine.on("upgrade", (to) => say("upgraded", to.name)));
socket.on("connect_error", (error) => say("connect_error", error.message));
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.onAny(say);
// By callback: the promise of emitWithAck goes on only after the events that came in the same poll as the answer, and the
// lines would stand in another order than the packets.
socket.on("authenticated", () => {
  for (const room of options.rooms) {
    socket.emit("subscribe", { room }, (answer) => say("subscribed", answer));
  }
});
