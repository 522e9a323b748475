"""Prints the newest mail of a mailbox, then each new one as it arrives."""

import asyncio
import base64
import json
import os
import sys

import aiohttp
import socketio

ORIGIN = os.environ.get("POSTRIDER_URL", "http://127.0.0.1:8000")
KEY = os.environ.get("POSTRIDER_API_KEY") or sys.exit("Set POSTRIDER_API_KEY: POST /api/v1/api-keys makes one.")


class Api:
    def __init__(self, session):
        self.session = session

    async def ask(self, path, method="GET"):
        while True:
            async with self.session.request(method, ORIGIN + path, headers={"Authorization": f"Bearer {KEY}"}) as answer:
                if answer.status in (429, 503):
                    # Both say when to come back.
                    await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
                    continue
                if answer.status >= 400:
                    raise SystemExit(f"{method} {path}: {answer.status} {await answer.text()}")
                return await answer.json()

    async def mailbox(self):
        while True:
            for connector in (await self.ask("/api/connectors"))["data"]:
                if connector["status"] == "active":
                    return connector["email_address"]
            print("No mailbox is connected yet. Open", (await self.ask("/gmail/auth/url"))["url"], flush=True)
            await asyncio.sleep(5)

    async def token(self):
        return (await self.ask("/api/v1/tokens", "POST"))["token"]


def user_of(token):
    """Who a token is for: its payload says so."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]


async def main():
    async with aiohttp.ClientSession() as session:
        api = Api(session)
        print("mailbox", await api.mailbox(), flush=True)
        for mail in (await api.ask("/api/v1/emails?limit=5"))["data"]:
            sender = (mail["sender"] or {}).get("email")
            print(f"mail {mail['received_at']} {sender}: {mail['subject'] or '(no subject)'}", flush=True)

        last = None
        # We come back ourselves: each time with a new token.
        client = socketio.AsyncClient(reconnection=False)

        @client.on("authenticated")
        async def authenticated(data):
            print("following", data["userId"], flush=True)
            room = {"room": f"user:{data['userId']}:notifications"}
            await client.emit("subscribe", {**room, "lastEventId": last} if last else room)

        @client.on("notification:new_message")
        async def new_message(mail):
            nonlocal last
            last = mail["eventId"]
            away = " (while away)" if mail.get("replayed") else ""
            print(f"new {mail['sender']}: {mail['subject']}{away}", flush=True)

        async def stay():
            # Before the 15 minutes are over.
            while True:
                await asyncio.sleep(600)
                token = await api.token()
                await client.emit("authenticate", {"userId": user_of(token), "token": token})

        while True:
            try:
                await client.connect(ORIGIN, transports=["websocket"], auth={"token": await api.token()})
            except socketio.exceptions.ConnectionError as error:
                print("not connected:", error, file=sys.stderr, flush=True)
            else:
                staying = asyncio.create_task(stay())
                await client.wait()
                staying.cancel()
            await asyncio.sleep(1)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
