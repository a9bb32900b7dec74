a, b = guests(2)
b.send(said("LINE-A") + said("LINE-B") + said("LINE-C"))
b.socket.shutdown(socket.SHUT_WR)
for text in ["LINE-A", "LINE-B", "LINE-C"]:
    a.expects(text)
sleeps()
