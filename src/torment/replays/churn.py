def footprint():
    pids = processes()
    descriptors = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    return descriptors, sum(int(fields[17]) for fields in pids.values()), memory()


start()
a, b = guests(2)
seen = []
for visits in [40, 100, 100]:
    for n in range(visits):
        join(a).leave(is_reset=n % 3 == 0)
    time.sleep(0.3)
    seen.append(footprint())
for what, few, *values in zip(["descriptors", "threads", "MiB of memory"], [10, 10, 4], *seen):
    grown = min(values[2] - values[1], values[1] - values[0])  # It grows again and again.
    check(grown < few, f"no {what} of those who have left", f"{grown:.0f} more {what} after each 100 visits")
talk(a, b)
