#!/usr/bin/env python3
"""Compares our HTML with what ammonia (PyPI nh3) lets through, over the attacks and many mixtures of their pieces.

    pip install nh3 html5lib
    cargo build -p postrider-mail --example shown
    python3 crates/mail/tests/html/oracle.py [how many mixtures] [seed]

Both outputs are read by html5lib, as a browser would read them. Ours must hold only what the allow-list names, whatever
reads it; each element with its attributes that only ours has is told.
"""

import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import html5lib
import nh3

ROOT = pathlib.Path(__file__).resolve().parents[4]
SHOWN = pathlib.Path(os.environ.get("SHOWN", ROOT / "target/debug/examples/shown"))
VECTORS = pathlib.Path(__file__).with_name("vectors.json")

TAGS = set(
    "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd del "
    "details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark "
    "nav ol p pre q rp rt rtc ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead "
    "time tr tt u ul var wbr".split()
)
ATTRIBUTES = set(
    "align dir lang style title href hreflang bgcolor char charoff colspan headers height nowrap rowspan scope valign width "
    "border cellpadding cellspacing summary span datetime color face size alt hspace src vspace start target rel".split()
)
# What takes its content with it.
GONE = set("iframe math noembed noframes noscript object script style svg template title".split())
SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}

PIECES = """
<svg>|</svg>|<math>|</math>|<mtext>|<mglyph>|<malignmark>|<annotation-xml encoding="text/html">|<foreignObject>|<desc>|<title>|</title>
<style>|</style>|<script>|</script>|<noscript>|</noscript>|<template>|</template>|<textarea>|</textarea>|<xmp>|</xmp>|<plaintext>
<select>|</select>|<option>|<table>|</table>|<tr>|<td>|</td>|<caption>|<col>|<form>|</form>|<button>|<iframe>|</iframe>|<noembed>
<noframes>|<object>|</object>|<embed src=x>|<base href=https://evil.example/>|<link rel=stylesheet href=https://evil.example/>
<meta http-equiv=refresh content="0;url=https://evil.example">|<form action=https://evil.example><input name=x>|<!--|-->|--!>|<!-->|<!
<![CDATA[|]]>|<?xml|?>|<p>|</p>|</br>|<br/>|<b>|</b>|<a href="|">|'>|>|<|"|'|`|/|=|&lt;|&#x3c;|&#60|&amp;lt;|&colon;|&Tab;|&NewLine;|&#0;
<img src=x onerror=alert(1)>|<img src="cid:x" srcset="https://evil.example 2x">|<a href="javascript:alert(1)">|<a href=" java&#10;script:alert(1)">
<a href='https://ok.example' target=_self rel=opener>|<a href=x href=https://ok.example>|<img src=data:image/svg+xml,<svg/onload=alert(1)>>
<p style="background:url(https://evil.example)">|<p style="color:red;margin:-9px;x:expression(1)">|<p id=x name=y class=z>|<img title="--><img src=x onerror=1>">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">|<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">
<a href="//evil.example">|<a href="data:text/html,x">|<a href="\\\\evil">|<div background=https://evil.example>|<video poster=https://evil.example>|<audio src=x>
text|\x00|\x0c|\r|\n|\t|\u00a0|\u2028|ſ|K|<ſcript>|<img/src=cid:x/onload=1>|<b/x=">">|<a\x0chref=https://ok.example>|<li>|<ul>|<dd>|<frameset>|<body onload=1>
""".replace("\n", "|").strip("|").split("|")


def elements(html):
    """(name, attributes) of all elements, as a browser reads them within a page."""
    tree = html5lib.parseFragment(html, container="div", namespaceHTMLElements=True)
    found = []
    for element in tree.iter():
        if not isinstance(element.tag, str) or element.tag == "DOCUMENT_FRAGMENT":
            if element.tag != "DOCUMENT_FRAGMENT":
                found.append(("comment", ()))
            continue
        space, _, name = element.tag.rpartition("}")
        name = name if space.endswith("xhtml") else f"{space}:{name}"
        found.append((name, tuple(sorted(element.attrib.items()))))
    return found


def wrong(name, attributes):
    """Why an element may not be in what is shown."""
    if name not in TAGS:
        return f"element {name}"
    for key, value in attributes:
        if key not in ATTRIBUTES:
            return f"attribute {key} of {name}"
        if key in ("href", "src"):
            scheme = value.split(":")[0].lower()
            good = {"href": ("http", "https", "mailto", "tel"), "src": ("cid", "data")}[key]
            if ":" not in value or scheme not in good:
                return f"address {value!r}"
            if scheme == "data" and not value.lower().startswith(tuple(f"data:image/{t}" for t in ("png", "jp", "gif", "webp"))):
                return f"address {value!r}"
        if key == "style" and any(word in value.lower() for word in ("url", "expression", "@", "\\", "position", "/*", "-9")):
            return f"style {value!r}"
    rest = dict(attributes)
    if "href" in rest and (rest.get("target"), rest.get("rel")) != ("_blank", "noopener noreferrer nofollow"):
        return "a link without its target"
    return None


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    vectors = [vector["html"] for vector in json.loads(VECTORS.read_text())]
    mixtures = ["".join(rng.choices(PIECES, k=rng.randint(2, 14))) for _ in range(count)]
    for _ in range(count // 4):
        one, other = rng.choice(vectors), rng.choice(vectors)
        at, to = rng.randint(0, len(one)), rng.randint(0, len(other))
        mixtures.append(one[:at] + rng.choice(PIECES) + other[to:])
    corpus = vectors + mixtures
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([{"html": html} for html in corpus], file)
        file.flush()
        shown = json.loads(subprocess.run([SHOWN, file.name], check=True, stdout=subprocess.PIPE).stdout)
    allowed = {tag: ATTRIBUTES - {"target", "rel"} for tag in TAGS}
    more, bad = collections.Counter(), []
    example = {}
    for html, ours in zip(corpus, shown):
        ours_found = elements(ours)
        for name, attributes in ours_found:
            why = wrong(name, attributes)
            if why:
                bad.append((why, html, ours))
        # Once more, as what a page does that sets what it reads back.
        again = nh3.clean(html, tags=TAGS, clean_content_tags=GONE, attributes=allowed, url_schemes=SCHEMES,
                          link_rel="noopener noreferrer nofollow", strip_comments=True)
        theirs = collections.Counter((n, tuple(k for k, _ in a if k not in ("target", "rel", "style"))) for n, a in elements(again))
        mine = collections.Counter((n, tuple(k for k, _ in a if k not in ("target", "rel", "style"))) for n, a in ours_found)
        for key, number in (mine - theirs).items():
            more[key] += number
            example.setdefault(key, (html, ours, again))
    print(f"{len(corpus)} sources, {len(bad)} with something that may not be shown")
    for why, html, ours in bad[:20]:
        print("WRONG", why, "\n   ", repr(html)[:300], "\n   ", repr(ours)[:300])
    print(f"only in ours: {sum(more.values())} elements of {len(more)} kinds")
    for key, number in more.most_common(40):
        html, ours, again = example[key]
        print(number, key, "\n   ", repr(html)[:260], "\n    ours  ", repr(ours)[:200], "\n    oracle", repr(again)[:200])
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
