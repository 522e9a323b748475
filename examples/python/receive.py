"""Receives webhooks and prints those whose signature holds."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = os.environ.get("WEBHOOK_SECRET") or sys.exit("Set WEBHOOK_SECRET: it was shown when the endpoint was made.")
LARGEST = 1024 * 1024
seen = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if length > LARGEST:
            return self.answer(413)
        body = self.rfile.read(length)
        try:
            # Over the bytes as they came: parsed and written again they may differ.
            headers = {name.lower(): value for name, value in self.headers.items()}
            event = Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError as error:
            print("refused:", error, file=sys.stderr, flush=True)
            return self.answer(401)
        # A delivery may come twice; its id stays.
        delivery = headers["webhook-id"]
        if delivery not in seen:
            print("webhook", delivery, event["type"], flush=True)
        seen.add(delivery)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
    print("listening", server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
