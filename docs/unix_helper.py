"""Does something about each scan: a program for `scanlogd -o unix:PATH`.

    python3 unix_helper.py PATH

While nobody listens, scanlogd keeps up to 4,096 events and tries again each
100 ms; what comes on top is counted as lost.
"""

import json
import os
import signal
import socket
import sys

path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
events = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
events.bind(path)
os.chmod(path, 0o666)  # or give the socket to scanlogd's group


def stop(*_):
    """What is on its way is still read; scanlogd keeps the rest."""
    os.unlink(path)
    events.shutdown(socket.SHUT_RD)


signal.signal(signal.SIGTERM, stop)
print("listening", flush=True)
while data := events.recv(65536):
    event = json.loads(data)
    # Here you would react; never to "outgoing", whose source is your own.
    print(json.dumps(event), flush=True)
