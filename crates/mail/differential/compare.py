"""Compares what four parsers read: compare.py ours python mailparser postal-mime [explained.tsv]

Each argument is a file of JSON lines. White space, and what each parser adds to nothing, is no difference. Prints each
difference as `mail field parsers: ours | theirs`, and a table of counts. Lines of explained.tsv (mail, field, cause) name the
causes; what is not in it is unexplained and makes the exit code 1."""
import collections, json, re, sys

sys.stdout.reconfigure(errors="replace")

def load(path):
    return {row["file"]: row for row in map(json.loads, open(path, encoding="utf-8", errors="replace"))}

def squeeze(value):
    return re.sub(r"\s+", " ", str(value or "")).strip()

def people(value):
    return [(squeeze(name).strip('"'), squeeze(address).lower()) for name, address in (value or []) if name or address]

def field(row, name):
    value = row.get(name)
    if name == "from":
        return people([value] if value else [])
    if name in ("to", "cc"):
        return people(value)
    if name == "text":
        return re.sub(r"\s+", "", value or "")
    if name == "html":
        return bool(value)
    if name == "names":
        return [squeeze(a.get("name")) for a in row["attachments"]]
    if name == "types":
        return [a.get("type") for a in row["attachments"]]
    if name == "bytes":
        return [(a["size"], a["sha256"][:12]) for a in row["attachments"]]
    return squeeze(value)

def is_part_of(small, large):
    rest = iter(large)
    return all(item in rest for item in small)

def moved(ours, theirs, kinds):
    """Whether files differ only at these kinds of them."""
    a, b, types = field(ours, "bytes"), field(theirs, "bytes"), field(ours, "types")
    return len(a) == len(b) and all(x == y or types[at].startswith(kinds) for at, (x, y) in enumerate(zip(a, b)))

def garbled(value):
    return any(sign in str(value) for sign in ("\ufffd", "\u00ef\u00bf\u00bd", "\\udcf", "\udcfc", "+AP", "+AD4"))

def cause(label, name, a, b, ours, theirs, python):
    """Causes that many mails share; None where the table has to say it."""
    if name in ("subject", "from", "to", "cc", "names", "text") and garbled(b) and not garbled(a):
        return "charset"
    if name in ("from", "to", "cc"):
        if len(a) == len(b) and all(x[1] == y[1] and (not y[0] or x == y) for x, y in zip(a, b)):
            return "name-in-comment"
        if len(a) == len(b) and all(x == y or x[0].lower() == y[1] and not y[0] for x, y in zip(a, b)):
            return "word-alone"
    if name == "text":
        if ours["html"] and not field(python, "text"):
            return "text-of-html"
    if name in ("names", "types", "bytes"):
        if label == "python" and any(t.startswith("multipart/") for t in field(theirs, "types")):
            return "multipart-as-file"
        if label == "postal-mime" and name == "bytes" and len(a) == len(b) and all(x == y or x[0] + 1 == y[0] for x, y in zip(a, b)):
            return "line-end-added"
        lacking = [t for at, t in enumerate(field(ours, "types")) if field(ours, "bytes")[at] not in field(theirs, "bytes")]
        fewer = len(theirs["attachments"]) < len(ours["attachments"])
        if label != "python" and fewer and lacking and all(t.startswith("message/") for t in lacking):
            return "mail-entered"
        if label != "python" and fewer and lacking and all(t in ("text/plain", "text/html") for t in lacking):
            return "named-text-shown"
        if name == "bytes" and moved(ours, theirs, "message/"):
            return "mail-written-anew"
        if name == "bytes" and label != "python" and moved(ours, theirs, ("text/", "message/")):
            return "text-transcoded"
        if name == "names" and len(a) == len(b) and all(x in (y, re.sub(r'[:*?"<>|]', "_", re.split(r"[/\\\\]", y)[-1]).strip(". ")) for x, y in zip(a, b)):
            return "name-made-safe"
    return None

FIELDS = ["subject", "from", "to", "cc", "text", "html", "names", "types", "bytes"]

def main():
    ours, *others = [load(path) for path in sys.argv[1:5]]
    explained = collections.defaultdict(str)
    if len(sys.argv) > 5:
        for line in open(sys.argv[5], encoding="utf-8"):
            if line.strip() and not line.startswith("#"):
                mail, name, why = line.rstrip("\n").split("\t")
                explained[mail, name] = why
    labels, counts, reasons, missing = ["python", "mailparser", "postal-mime"], collections.Counter(), collections.Counter(), 0
    for mail, row in sorted(ours.items()):
        for name in FIELDS:
            different = []
            for label, other in zip(labels, others):
                their = other[mail]
                if "error" in their:
                    counts[label, "failed"] += name == "subject"
                    continue
                # A name we make up where the mail gives none, and HTML that one parser alone made into text.
                a, b = field(row, name), field(their, name)
                if name == "names" and len(a) == len(b):
                    b = [theirs or mine for mine, theirs in zip(a, b)]
                if name == "text" and row["html"] and not b:
                    continue
                if a != b:
                    different.append((label, b))
                    counts[label, name] += 1
            if not different:
                continue
            known = explained.get((mail, name)) or explained.get((mail, "*"))
            causes = [known or cause(label, name, field(row, name), b, row, others[labels.index(label)][mail], others[0][mail]) for label, b in different]
            different = [pair for pair, found in zip(different, causes) if found is None]
            for found in causes:
                reasons[found or known or "unexplained"] += 1
            if different and known is None:
                missing += len(different)
                print(f"## {mail} {name} {'ALL' if len(different) == 3 else ','.join(l for l, _ in different)}")
                print("   ours  ", str(field(row, name))[:400])
                for label, theirs in different:
                    print(f"   {label:12}", str(theirs)[:400])
    for label in labels:
        print(label, {name: counts[label, name] for name in FIELDS + ["failed"] if counts[label, name]})
    for reason, count in reasons.most_common():
        print(f"{count:5} {reason}")
    print(f"{len(ours)} mails, {missing} differences unexplained")
    return 1 if missing else 0

sys.exit(main())
