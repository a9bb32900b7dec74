import fcntl

nobody_reads, stdout = os.pipe()
fcntl.fcntl(stdout, 1031, 4096)  # F_SETPIPE_SZ: the pipe holds one page. Linux only.
start(stdout)
a, b = guests(2)
