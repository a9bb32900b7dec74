a, b = guests(2)
a.send(b"".join(said(f"LINE-{n}.") for n in range(2000)))
b.hears("LINE-1999.", 5)
missing = [n for n in range(2000) if f"LINE-{n}.".encode() not in b.got]
check(not missing, "2000 lines", f"{len(missing)} missing, the first is LINE-{missing[:1]}")
