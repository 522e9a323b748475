"""What Python's email reads in each mail of a folder, one JSON object a line."""
import email, email.policy, hashlib, json, os, sys

def text_of(part):
    try:
        return part.get_content()
    except Exception:
        data = part.get_payload(decode=True)
        return data.decode("utf-8", "replace") if data is not None else str(part.get_payload())

def addresses(message, name):
    out = []
    for header in message.get_all(name, []):
        out += [[a.display_name, f"{a.username}@{a.domain}" if a.domain else a.username] for a in header.addresses]
    return out

def describe(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    plain, html, files = [], [], []
    def walk(part, alternative, related_root=True):
        kind = part.get_content_type()
        if part.is_multipart() and kind != "message/rfc822" and part.get_content_maintype() == "multipart":
            for at, child in enumerate(part.iter_parts()):
                walk(child, kind == "multipart/alternative", kind != "multipart/related" or at == 0)
            return
        shown = part.get_content_disposition() != "attachment" and related_root
        if shown and kind in ("text/plain", "text/html") and (alternative or not part.get_filename()):
            (html if kind == "text/html" else plain).append(text_of(part))
            return
        if kind == "message/rfc822":
            inner = part.get_payload()
            data = inner[0].as_bytes() if isinstance(inner, list) and inner else b""
        else:
            data = part.get_payload(decode=True) or b""
        files.append({"name": part.get_filename(), "type": kind, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    walk(message, False)
    date = message["date"]
    return {"subject": message["subject"], "from": (addresses(message, "from") or [None])[0], "to": addresses(message, "to"),
            "cc": addresses(message, "cc"), "date": int(date.datetime.timestamp()) if date and date.datetime else None,
            "text": "\n".join(plain) or None, "html": bool(html), "attachments": files}

for name in sorted(os.listdir(sys.argv[1])):
    try:
        out = describe(open(os.path.join(sys.argv[1], name), "rb").read())
    except Exception as error:
        out = {"error": repr(error)[:200]}
    print(json.dumps({"file": name, **out}, default=str).replace("\\udc", "\\ufffd"))
