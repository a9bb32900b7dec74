a, b = guests(2)
line = said("LINE-A \u6c49")
middle = line.index("\u6c49".encode()) + 1
a.send(line[:middle])
time.sleep(0.2)
a.send(line[middle:])
b.expects("LINE-A \u6c49")
