// Decrypts a push as a browser does (RFC 8291), with an implementation that is not ours, and prints what it says.
import { createECDH } from "node:crypto";
import ece from "http_ece";

const { privateKey, auth, body } = JSON.parse(process.argv[2]);
const browser = createECDH("prime256v1");
browser.setPrivateKey(privateKey, "base64url");
const message = ece.decrypt(Buffer.from(body, "base64url"), {
  version: "aes128gcm",
  privateKey: browser,
  authSecret: auth,
});
process.stdout.write(message);
