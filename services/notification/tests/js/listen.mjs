// Connects as any browser would, subscribes, and prints every event as one JSON line: [name, data].
// Argument: {url, token, transport: "websocket" | "polling" | "upgrade", lastEventId?, rooms}.
import { io } from "socket.io-client";

const options = JSON.parse(process.argv[2]);
const say = (name, data) => process.stdout.write(JSON.stringify([name, data]) + "\n");

const socket = io(options.url, {
  transports: options.transport === "upgrade" ? ["polling", "websocket"] : [options.transport],
  auth: { token: options.token, lastEventId: options.lastEventId ?? undefined },
});

socket.on("connect_error", (error) => say("connect_error", error.message));
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.onAny(say);
socket.on("authenticated", async () => {
  for (const room of options.rooms) {
    const answer = await socket.emitWithAck("subscribe", { room });
    say("subscribed", answer);
  }
});
