"""A healthy chat of asyncio tasks. The only argument is the port."""

import asyncio, sys

LINE_MAX, QUEUE_MAX = 64 << 10, 1 << 20
writers = set()


async def serve(reader, writer):
    writers.add(writer)
    host, port = writer.get_extra_info("peername")[:2]
    try:
        while line := await reader.readline():
            text = f"[{host}:{port}] ".encode() + line.rstrip() + b"\n"
            for other in list(writers):
                if other is writer:
                    continue
                if other.transport.get_write_buffer_size() > QUEUE_MAX:
                    other.transport.abort()
                else:
                    other.write(text)
            # The others get a turn.
            await asyncio.sleep(0)
    except (OSError, ValueError):
        pass
    finally:
        writers.discard(writer)
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=LINE_MAX)
    async with server:
        await server.serve_forever()


asyncio.run(main())
