"""The official Python client: prints a JSON line `[name, data]` for each event, and emits what it reads from its input.

It comes back by itself, with the id of the last event it has."""

import asyncio
import json
import sys

import socketio

options = json.loads(sys.argv[1])
last = options.get("lastEventId")
client = socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=0.5)


def say(name, data):
    print(json.dumps([name, data]), flush=True)


def auth():
    return {"token": options["token"], "lastEventId": last} if last else {"token": options["token"]}


@client.on("authenticated")
async def authenticated(data):
    say("authenticated", data)
    for room in options["rooms"]:
        await client.emit("subscribe", {"room": room}, callback=lambda answer: say("subscribed", answer))


@client.event
async def disconnect(reason):
    say("disconnect", str(reason))


@client.on("*")
async def anything(name, data=None):
    global last
    if isinstance(data, dict) and "eventId" in data:
        last = data["eventId"]
    say(name, data)


async def commands():
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, data = json.loads(line)
        await client.emit(name, data, callback=lambda answer: say("answer", answer))


async def main():
    await client.connect(options["url"], auth=auth, transports=options["transports"])
    await asyncio.gather(client.wait(), commands())


asyncio.run(main())
