// What mailparser or postal-mime (second argument) reads in each mail of a folder, one JSON object a line.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [folder, parser] = process.argv.slice(2);
const sha = (data) => createHash("sha256").update(data).digest("hex");
const file = (name, type, data) => ({ name, type, size: data.length, sha256: sha(data) });
const seconds = (date) => (date && !isNaN(date) ? Math.floor(date.getTime() / 1000) : null);
const flat = (list) => (list || []).flatMap((a) => (a.group ? flat(a.group) : [[a.name || null, a.address || ""]]));

async function mailparser(raw) {
  const { simpleParser } = await import("mailparser");
  const mail = await simpleParser(raw, { skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true });
  const all = (field) => [field].flat().filter(Boolean).flatMap((list) => flat(list.value));
  return { subject: mail.subject, from: all(mail.from)[0], to: all(mail.to), cc: all(mail.cc), date: seconds(mail.date),
    text: mail.text, html: !!mail.html, attachments: mail.attachments.map((a) => file(a.filename, a.contentType, a.content)) };
}

async function postal(raw) {
  const { default: PostalMime } = await import("postal-mime");
  const mail = await PostalMime.parse(raw, { attachmentEncoding: "arraybuffer", rfc822Attachments: true, forceRfc822Attachments: true });
  return { subject: mail.subject, from: flat([mail.from].filter(Boolean))[0], to: flat(mail.to), cc: flat(mail.cc),
    date: mail.date ? seconds(new Date(mail.date)) : null, text: mail.text, html: !!mail.html,
    attachments: mail.attachments.map((a) => file(a.filename, a.mimeType, Buffer.from(a.content))) };
}

for (const name of readdirSync(folder).sort()) {
  let out;
  try {
    out = await (parser === "mailparser" ? mailparser : postal)(readFileSync(join(folder, name)));
  } catch (error) {
    out = { error: String(error).slice(0, 200) };
  }
  console.log(JSON.stringify({ file: name, ...out }));
}
