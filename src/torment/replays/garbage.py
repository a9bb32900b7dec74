a, b = guests(2)
for garbage in [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x8f\x00\xff\xc0\x2b\x00\x00\n",  # TLS
    b"\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0\r\n",  # telnet
    b"\x80\xc0\xaf\xed\xa0\x80\xf8\xff\xfe\n",  # not UTF-8
    b"a\0b\0\0\0\r\n\0\n",
    b"\x1b[2J\x1b[31m\r\n",
    b"\r\n\n\n   \n\t\n\r\r\n",
    b"/\n/nick\n/msg\n/msg x\n:\n:nick\n:msg\n@\n@x\n%s%n%x\n{}\n",
    os.urandom(4096) + b"\r\n",
]:
    stranger = join(a)
    stranger.send(garbage)
    time.sleep(0.05)
    print(" ", garbage[:40])
    talk(a, b)
    stranger.leave()
sleeps()
