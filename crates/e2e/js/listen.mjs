// Connects the official Socket.IO client and prints one JSON line for everything that happens to it.
// Arguments: origin, user id, transport ("websocket" | "polling"), last event id or "". The token comes by environment,
// so that it shows in no process list. Emits each line of stdin, [name, data]; ends when stdin closes.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [origin, userId, transport, lastEventId] = process.argv.slice(2);
const token = process.env.POSTRIDER_TOKEN;
const print = (line) => process.stdout.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);

const socket = io(origin, {
  transports: [transport],
  auth: { token },
  reconnection: true,
  reconnectionDelay: 200,
  reconnectionDelayMax: 1000,
});
let last = lastEventId || undefined;

socket.on("connect", () => print({ kind: "connect", sid: socket.id }));
socket.on("disconnect", (reason) => print({ kind: "disconnect", reason }));
socket.on("connect_error", (error) => print({ kind: "connect_error", message: error.message }));
socket.on("authenticated", (data) => {
  print({ kind: "authenticated", data });
  for (const suffix of ["notifications", "sync"]) {
    socket.emit("subscribe", { room: `user:${userId}:${suffix}`, lastEventId: last });
  }
});
socket.onAny((event, data) => {
  if (data && data.eventId) last = data.eventId;
  print({ kind: "event", event, data });
});

const input = createInterface({ input: process.stdin });
input.on("line", (line) => socket.emit(...JSON.parse(line)));
input.on("close", () => {
  socket.close();
  process.exit(0);
});
