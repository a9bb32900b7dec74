a, b = guests(2)
selfish = join(a, narrow=True)
for request in [":help", ":who", "/help", "/who", "/list", "help", "HELP"]:
    before = [client.total for client in (a, b, selfish)]
    selfish.send(request.encode() + EOL)
    time.sleep(0.2)
    got = [client.total - total for client, total in zip((a, b, selfish), before)]
    if got[2] > len(request) and not got[0] + got[1]:
        break
else:
    sys.exit(print("ok   nothing to ask: no request is answered to its sender alone"))
selfish.rate = 1_600_000
selfish.floods((request.encode() + EOL) * 1000, 6)
time.sleep(0.7)
talk(a, b, 2, limit=1.5)
