start()
a, b = guests(2)
tell(signal.SIGTERM)
try:
    print("ok   it has ended with status", server.wait(5))
except subprocess.TimeoutExpired:
    check(False, "an end within 5 s of SIGTERM", "it still runs")
