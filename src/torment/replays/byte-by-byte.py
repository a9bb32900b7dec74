a, b, c = guests(3)
for byte in said("LINE-A LINE-A"):
    a.send(bytes([byte]))
    time.sleep(0.02)
    if byte == ord("-"):
        b.say("LINE-B")
c.expects("LINE-B")
c.expects("LINE-A LINE-A")
