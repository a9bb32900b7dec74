import re

a, b = guests(2)
pair = [join(a, narrow=True), join(a, narrow=True)]
nicks = []
for one in pair:
    one.say("my-name")
    time.sleep(0.2)
    before = re.findall(r"(.*)my-name", a.got.decode(errors="replace"))[-1:]
    nicks += [word for text in before for word in re.findall(r"[\w-]*[a-zA-Z][\w-]*", text)][:1]
for form in [":msg NICK ", "/msg NICK ", "/w NICK ", "/tell NICK ", "PRIVMSG NICK :"] if len(nicks) == 2 else []:
    whispers = [form.replace("NICK", nick).encode() for nick in reversed(nicks)]
    psst = f"psst{form.strip()}."
    pair[0].send(whispers[0] + psst.encode() + EOL)
    if pair[1].hears(psst, 0.3) and not a.hears(psst, 0.2):
        break
else:
    sys.exit(print("ok   no private lines"))
for one, whisper in zip(pair, whispers):
    one.rate = 400 << 10
    one.floods((whisper + b"x" * 150 + EOL) * 100, 6)
time.sleep(0.7)
talk(a, b, 2, limit=1.5)
