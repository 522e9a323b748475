"""Opens attacks in a browser and tells what ran and what was asked for: in_browser.py <JSON list of HTML> [browser]

Every host is this program's own server. `alert` and its like, and every request but for the pages themselves, are counted.
Run it with the attacks as they are first: a check that sees nothing there sees nothing."""
import collections, http.server, json, os, signal, subprocess, sys, tempfile, threading

# Over TLS nobody could tell what was asked for.
pages = [(row["html"] if isinstance(row, dict) else row).replace("https:", "http:") for row in json.load(open(sys.argv[1]))]
# What the browser asks for whatever it shows.
OWN = ("/time/1/current", "/service/update2", "/ListAccounts", "/chrome-variations")
ran, asked, opened = collections.Counter(), collections.Counter(), set()
SPY = "<script>for (const f of ['alert','confirm','prompt','print','xss','evil','open']) window[f] = () => fetch('/ran/%d')</script>"

class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, number = self.path.lstrip("/").partition("/")
        own = self.headers.get("Host", "").startswith("mail.test")
        body = b""
        if own and self.path == "/":
            body = "".join(f"<iframe src=/page/{at}></iframe>" for at in range(len(pages))).encode()
        elif own and kind == "page" and number.isdigit():
            opened.add(int(number))
            body = (f"<!doctype html><meta charset=utf-8><body>{SPY % int(number)}<div>{pages[int(number)]}</div>").encode("utf-8", "replace")
        elif own and kind == "ran":
            ran[int(number)] += 1
        elif not (own and self.path == "/favicon.ico" or self.path.startswith(OWN)):
            asked[self.headers.get("Host", "") + self.path[:60]] += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_HEAD = do_GET
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = subprocess.Popen([sys.argv[2] if len(sys.argv) > 2 else "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-features=OptimizationHints,MediaRouter",
        f"--host-resolver-rules=MAP * 127.0.0.1:{server.server_port}", "--virtual-time-budget=20000", "--dump-dom", "http://mail.test/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        browser.wait(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
print(f"{len(opened)} of {len(pages)} opened, {len(ran)} ran, {sum(asked.values())} requests")
for what, count in asked.most_common(10):
    print("  ", count, what)
print("   ran:", sorted(ran)[:20])
