"""Listens on a Unix stream socket and appends each message to a file, as a line.

    stream_listener.py SOCKET FILE

A zero byte ends a message. On SIGTERM it takes what is on its way, and nothing
after that.
"""

import os
import selectors
import signal
import socket
import sys

path, file = sys.argv[1:]
output = open(file, "ab", buffering=0)
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen()
rests = {}
selector = selectors.DefaultSelector()
selector.register(listener, selectors.EVENT_READ)
stopped, stop = os.pipe()
os.set_blocking(stop, False)
selector.register(stopped, selectors.EVENT_READ)
signal.set_wakeup_fd(stop)
signal.signal(signal.SIGTERM, lambda *_: None)


def take(connection):
    """Takes all that is there; returns whether there may be more later."""
    while True:
        try:
            data = connection.recv(65536)
        except BlockingIOError:
            return True
        if not data:
            return False
        *messages, rests[connection] = (rests[connection] + data).split(b"\0")
        for message in messages:
            output.write(message + b"\n")


print("listening", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj == stopped:
            os.unlink(path)
            for connection in rests:
                connection.shutdown(socket.SHUT_RD)
                take(connection)
            sys.exit(0)
        elif key.fileobj is listener:
            connection, _ = listener.accept()
            connection.setblocking(False)
            rests[connection] = b""
            selector.register(connection, selectors.EVENT_READ)
        elif not take(key.fileobj):
            selector.unregister(key.fileobj)
            rests.pop(key.fileobj)
            key.fileobj.close()
