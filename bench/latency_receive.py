"""Listens where syslogd would, and tells when the kernel was given each line.

    latency_receive.py PATH      "<nanoseconds since 1970> <message>" a line
"""
import os, socket, struct, sys

SO_TIMESTAMPNS = 35  # asm-generic/socket.h
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
log.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
print("ready", file=sys.stderr, flush=True)
while True:
    message, ancillary, _, _ = log.recvmsg(8192, 1024)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            text = message.decode("latin-1")
            print(seconds * 10**9 + nanoseconds, text, flush=True)
