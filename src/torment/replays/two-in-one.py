a, b = guests(2)
a.send(said("LINE-A") + said("LINE-B"))
b.expects("LINE-A")
b.expects("LINE-B")
both = [line for line in b.got.splitlines() if b"LINE-A" in line and b"LINE-B" in line]
check(not both, "LINE-A, LINE-B: two lines", both)
is_named = [not line.startswith(b"LINE") for line in b.got.splitlines() if b"LINE-" in line]
check(len(set(is_named)) == 1, "the same before both lines", bytes(b.got[-100:]))
