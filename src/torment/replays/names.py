import re

reader, *speakers = guests(4)
for n in range(80):
    for who, speaker in enumerate(speakers):
        speaker.say(f"LINE-{who}-{n}." + "y" * (45 if n % 2 else 0))
        reader.hears(f"LINE-{who}-{n}.") or check(False, f"LINE-{who}-{n}.", bytes(reader.got[-200:]))
time.sleep(0.1)
lines = re.findall(r"(.*)LINE-(\d)-(\d+)\.(.*)", reader.got.decode(errors="replace"))
rest = [line for line in lines if int(line[2]) % 2 == 0 and "yyyy" in line[3]]
check(not rest, "short lines end where they end", rest[:1])
for who in "012":
    prefixes = [set(re.findall(r"[\w-]+", line[0])) for line in lines if line[1] == who]
    others = [set(re.findall(r"[\w-]+", line[0])) for line in lines if line[1] != who]
    for word in set().union(*prefixes):  # A word is a name if it is in most lines of this client and few of the others.
        own, foreign = [sum(word in words for words in some) / len(some) for some in (prefixes, others)]
        if own > 0.85 and foreign < 0.15:
            lacking = [words for words in prefixes if word not in words]
            check(not lacking, f"{word} before each line of {who}", f"{len(lacking)} lines without it: {lacking[:1]}")
