a, b = guests(2)
a.say("LINE-A")
b.expects("LINE-A")
print("its own line comes back" if a.hears("LINE-A", 0.5) else "its own line does not come back")
