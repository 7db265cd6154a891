"""Loads that are no scan, for some seconds, in datagrams.

    port_memory_loads.py dns SERVER SECONDS
    port_memory_loads.py rtp OWN OTHER SECONDS

"dns" asks as fast as it is answered; "rtp" is one end of 200 calls. The number
of datagrams sent and received is printed.
"""

import os
import select
import socket
import sys
import time

SOCKETS = 20
# Questions that wait for an answer, for each socket.
WINDOW = 50
CALLS = 200
FIRST_PORT = 16384
SILENCE = 0.25


def dns(server, seconds):
    sockets = []
    for _ in range(SOCKETS):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((server, 53))
        s.setblocking(False)
        sockets.append(s)
    tail = b"\1\0\0\1\0\0\0\0\0\0\3www\4site\0\0\1\0\1"
    sent = answered = 0
    end = time.monotonic() + seconds
    poll = select.poll()
    by_number = {}
    for s in sockets:
        poll.register(s, select.POLLIN)
        by_number[s.fileno()] = s
        for _ in range(WINDOW):
            s.send(os.urandom(2) + tail)
            sent += 1
    while time.monotonic() < end:
        ready = poll.poll(1000 * SILENCE)
        # What is lost is asked again.
        for number, _ in ready or [(s.fileno(), 0) for s in sockets]:
            s = by_number[number]
            if not ready:
                s.send(b"\0\1" + tail)
                sent += 1
            try:
                for _ in range(WINDOW):
                    s.send(s.recv(512)[:2] + tail)
                    sent += 1
                    answered += 1
            except OSError:
                pass
    print(sent, answered)


def rtp(own, other, seconds):
    sockets = []
    for call in range(CALLS):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((own, FIRST_PORT + 2 * call))
        s.connect((other, FIRST_PORT + 2 * call))
        s.setblocking(False)
        sockets.append(s)
    print("ready", file=sys.stderr, flush=True)
    sent = received = number = 0
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        header = bytes([0x80, 0, number >> 8 & 255, number & 255])
        for s in sockets:
            try:
                s.send(header + bytes(168))
                sent += 1
                s.recv(512)
                received += 1
            except OSError:
                pass  # The other end is not there yet, or has sent nothing.
        number += 1
        time.sleep(max(0, start + 0.02 * number - time.monotonic()))
    print(sent, received)


mode, *rest = sys.argv[1:]
if mode == "dns":
    dns(rest[0], float(rest[1]))
else:
    rtp(rest[0], rest[1], float(rest[2]))
