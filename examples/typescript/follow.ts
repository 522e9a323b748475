// Prints the newest mail of a mailbox, then each new one as it arrives.
import { io } from "socket.io-client";

const origin = process.env.POSTRIDER_URL ?? "http://127.0.0.1:8000";
const key = process.env.POSTRIDER_API_KEY;
if (!key) {
  console.error("Set POSTRIDER_API_KEY: POST /api/v1/api-keys makes one.");
  process.exit(2);
}

interface Mail {
  id: string;
  subject: string | null;
  sender: { name: string | null; email: string | null } | null;
  received_at: string;
}

interface NewMessage {
  eventId: string;
  sender: string;
  subject: string;
  emailId: string;
  replayed?: boolean;
}

async function api<T>(path: string, method = "GET"): Promise<T> {
  const answer = await fetch(new URL(path, origin), { method, headers: { authorization: `Bearer ${key}` } });
  if (answer.status === 429 || answer.status === 503) {
    // Both say when to come back.
    const seconds = Number(answer.headers.get("retry-after") ?? "1");
    await new Promise((wake) => setTimeout(wake, seconds * 1000));
    return api(path, method);
  }
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function mailbox(): Promise<string> {
  const connectors = await api<{ data: { email_address: string; status: string }[] }>("/api/connectors");
  const active = connectors.data.find((connector) => connector.status === "active");
  if (active) return active.email_address;
  const { url } = await api<{ url: string }>("/gmail/auth/url");
  console.log(`No mailbox is connected yet. Open ${url}`);
  await new Promise((wake) => setTimeout(wake, 5_000));
  return mailbox();
}

const newToken = () => api<{ token: string; expires_at: string }>("/api/v1/tokens", "POST");
// Who the token is for: its payload says so.
const userOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).sub;

console.log(`mailbox ${await mailbox()}`);
const newest = await api<{ data: Mail[] }>("/api/v1/emails?limit=5");
for (const mail of newest.data) {
  console.log(`mail ${mail.received_at} ${mail.sender?.email ?? "?"}: ${mail.subject ?? "(no subject)"}`);
}

let last: string | undefined;
const socket = io(origin, {
  transports: ["websocket"],
  auth: (give) => void newToken().then(({ token }) => give({ token })).catch((error) => console.error(String(error))),
});
socket.on("authenticated", ({ userId }: { userId: string }) => {
  console.log(`following ${userId}`);
  socket.emit("subscribe", { room: `user:${userId}:notifications`, lastEventId: last });
});
socket.on("notification:new_message", (mail: NewMessage) => {
  last = mail.eventId;
  console.log(`new ${mail.sender}: ${mail.subject}${mail.replayed ? " (while away)" : ""}`);
});
socket.on("connect_error", (error) => console.error(`not connected: ${error.message}`));
// Before the 15 minutes are over.
setInterval(async () => {
  const { token } = await newToken();
  socket.emit("authenticate", { userId: userOf(token), token });
}, 10 * 60_000);
