a, b = guests(2)
for n in range(8):
    a.say(f"LINE-{n}.")
    b.expects(f"LINE-{n}.")
time.sleep(0.3)
often = [n for n in range(8) if b.got.count(f"LINE-{n}.".encode()) != 1]
check(not often, "each line once", bytes(b.got[-200:]))
print("  its own lines come back" if b"LINE-7." in a.got else "  its own lines do not come back")
