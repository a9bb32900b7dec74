a, b = guests(2)
a.send(said("LINE-A") + said("LINE-B"))
b.expects("LINE-A")
b.expects("LINE-B")
both = [line for line in b.got.splitlines() if b"LINE-A" in line and b"LINE-B" in line]
check(not both, "LINE-A, LINE-B: two lines", both)
