// Says whether the official implementation of Standard Webhooks takes a message: `good` or `bad`.
import { Webhook } from "standardwebhooks";

const { secret, headers, body } = JSON.parse(process.argv[2]);
try {
  new Webhook(secret).verify(body, headers);
  console.log("good");
} catch (error) {
  console.log("bad");
  console.error(String(error));
}
