"""A chat whose lines are JSON objects, on one thread. The first argument is the port."""

import asyncio, json, sys

LINE_MAX, QUEUE_MAX = 64 << 10, 1 << 20
clients = {}


def send(writer, **message):
    # A client that does not read is disconnected.
    if writer.transport.get_write_buffer_size() > QUEUE_MAX:
        writer.transport.abort()
    writer.write(json.dumps(message).encode() + b"\n")


def take(writer, line):
    try:
        message = json.loads(line)
        kind, text = message["type"], str(message.get("text", ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return send(writer, type="error", text="a line is a JSON object with a type")
    if kind == "hello":
        clients[writer] = str(message.get("name"))
        return send(writer, type="welcome")
    if kind != "say" or writer not in clients:
        return send(writer, type="error", text="say hello first")
    for other in list(clients):
        if other is not writer:
            send(other, type="said", by=clients[writer], text=text)


async def serve(reader, writer):
    try:
        while line := await reader.readline():
            take(writer, line)
            # The others get a turn.
            await asyncio.sleep(0)
    except (OSError, ValueError):
        pass
    clients.pop(writer, None)
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=LINE_MAX)
    await server.serve_forever()


asyncio.run(main())
