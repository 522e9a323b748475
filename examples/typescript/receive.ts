// Receives webhooks and prints those whose signature holds.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
  console.error("Set WEBHOOK_SECRET: it was shown when the endpoint was made.");
  process.exit(2);
}
const webhook = new Webhook(secret);
const seen = new Set<string>();

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  try {
    // Over the bytes as they came: parsed and written again they may differ.
    const event = webhook.verify(Buffer.concat(chunks).toString(), headers) as { type: string };
    const id = headers["webhook-id"] ?? "";
    // A delivery may come twice; its id stays.
    if (!seen.has(id)) console.log(`webhook ${id} ${event.type}`);
    seen.add(id);
    response.writeHead(204).end();
  } catch (error) {
    console.error(`refused: ${String(error)}`);
    response.writeHead(401).end();
  }
});
server.listen(Number(process.env.PORT ?? "8080"), "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening ${typeof address === "object" ? address?.port : address}`);
});
