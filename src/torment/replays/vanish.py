import ctypes

a, b, c, d = guests(4)
# SO_ATTACH_FILTER with a filter that drops each packet: the kernel acknowledges nothing any more. Linux only.
drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
c.socket.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HP", 1, ctypes.addressof(drop_all)))
talk(a, b, 0.5)
# More than the kernel keeps for it.
d.floods(said("x" * 250) * 200, 1.5).join(3)
talk(a, b, 0.5, limit=5)
join(a)
print("ok   a newcomer")
