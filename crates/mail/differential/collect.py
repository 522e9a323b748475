"""Collects mails from unpacked packages into one folder: collect.py <target> <name>=<folder> ...

A file counts as a mail if it begins like one; equal mails count once. Prints how many each source gave."""
import email, hashlib, os, re, sys

LINE = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]|>?From ")
KNOWN = re.compile(rb"^(?:from|to|subject|date|received|content-type|mime-version|message-id|return-path)[ \t]*:", re.I | re.M)
SKIP = (".py", ".rs", ".js", ".json", ".md", ".rst", ".pyc", ".yml", ".yaml", ".toml", ".html", ".cfg", ".po", ".mustache", "PKG-INFO", "METADATA")

def begins(data):
    """Whether the first two lines that are not empty could be a header."""
    lines = [line for line in data[:4000].lstrip(b"\xef\xbb\xbf").splitlines() if line.strip()][:2]
    return len(lines) == 2 and all(LINE.match(line) for line in lines)

def mails(path, data):
    """The mail, or those of an mbox."""
    pieces = re.split(rb"(?m)^(?=From \S+ .*\d\d:\d\d.*\d{4})", data) if data.startswith(b"From ") else [data]
    pieces = [piece for piece in pieces if piece.strip()]
    return pieces + [inner for piece in pieces for inner in attached(piece)]

def attached(data):
    """Mails that are attached to a mail, as Python writes them out."""
    try:
        parts = [part for part in email.message_from_bytes(data).walk() if part.get_content_type() == "message/rfc822"]
        return [part.get_payload()[0].as_bytes() for part in parts if isinstance(part.get_payload(), list)]
    except Exception:
        return []

target, seen = sys.argv[1], set()
os.makedirs(target, exist_ok=True)
for source in sys.argv[2:]:
    name, folder = source.split("=", 1)
    count = 0
    for root, _, files in sorted(os.walk(folder)):
        for file in sorted(files):
            path = os.path.join(root, file)
            if file.endswith(SKIP) or not os.path.isfile(path) or os.path.getsize(path) > 30_000_000:
                continue
            data = open(path, "rb").read()
            if not (path.endswith(".eml") or begins(data) and KNOWN.search(data[:20_000])):
                continue
            for piece in mails(path, data):
                key = hashlib.sha256(piece).digest()
                if key in seen:
                    continue
                seen.add(key)
                count += 1
                place = re.sub(r"[^A-Za-z0-9.-]+", "_", os.path.relpath(path, folder))[-60:]
                with open(os.path.join(target, f"{name}__{place}__{count}"), "wb") as out:
                    out.write(piece)
    print(f"{count:5} {name}")
print(f"{len(seen):5} mails")
