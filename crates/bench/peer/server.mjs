// Node's Socket.IO server doing what ours does for a bench: whoever connects is authenticated and subscribes to a room;
// POST /emit sends events to a room, {room, events: [[name, data], …]}. Argument: the port. Says "ready" once it listens.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  const { room, events } = JSON.parse(body);
  for (const [name, data] of events) io.to(room).emit(name, data);
  response.writeHead(202).end();
});
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("subscribe", ({ room }) => socket.join(room));
  socket.emit("authenticated", { userId: "bench" });
});

http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
