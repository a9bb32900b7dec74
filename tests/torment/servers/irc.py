"""An IRC server with one channel. It wants an answer to PING first, and throws away a JOIN that comes before."""

import asyncio, sys

LINE_MAX, QUEUE_MAX = 512, 1 << 20
members = {}


async def serve(reader, writer):
    nick, token, is_known = None, "%x" % id(writer), False

    def send(line, to=writer):
        # A client that does not read is disconnected.
        if to.transport.get_write_buffer_size() > QUEUE_MAX:
            to.transport.abort()
        to.write(line.encode() + b"\r\n")

    try:
        while line := await reader.readuntil(b"\n"):
            word, _, rest = line.decode(errors="replace").strip().partition(" ")
            match word.upper():
                case "NICK":
                    nick = rest
                case "USER":
                    send("PING :" + token)
                case "PONG" if rest.lstrip(":") == token:
                    is_known = True
                    send(f":irc 001 {nick} :welcome")
                case _ if not is_known:
                    send(":irc 451 * :You have not registered")
                case "JOIN":
                    members[writer] = nick
                    send(f":{nick} JOIN {rest}")
                case "PRIVMSG" if writer in members:
                    for other in list(members):
                        if other is not writer:
                            send(f":{nick}!t@host PRIVMSG {rest}", other)
                case _:
                    send(f":irc 421 {nick} :Unknown command")
            # The others get a turn.
            await asyncio.sleep(0)
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    members.pop(writer, None)
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=LINE_MAX)
    await server.serve_forever()


asyncio.run(main())
