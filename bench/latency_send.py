"""Scans a host, each time from another address, and tells when.

    latency_send.py TARGET COUNT FIRST

Sends COUNT scans of seven SYN segments to TARGET from 10.78.0.0/16, the first
from the FIRST address of it; writes "<source> <nanoseconds since 1970>" for
each, the time right before the segment that completes it is sent.
"""
import random, socket, struct, sys, time

PORTS = (22, 23, 111, 21, 25, 143, 80)
target = sys.argv[1]
count, first = int(sys.argv[2]), int(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, source_port, port):
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!HHIIBB", source_port, port, random.getrandbits(32), 0, 0x50, 2)
    pseudo = ends + struct.pack("!HH", socket.IPPROTO_TCP, 20)
    window = struct.pack("!H", 1024)
    total = checksum(pseudo + head + window + bytes(4))
    segment = head + window + struct.pack("!HH", total, 0)
    # The kernel fills in the length and the header's checksum.
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, random.getrandbits(16), 0, 64, 6, 0) + ends + segment


for i in range(first, first + count):
    source = "10.78.%d.%d" % (i >> 8 & 255, i & 255)
    source_port = random.randint(1024, 65535)
    packets = [syn(source, source_port, port) for port in PORTS]
    # At every phase of whatever the watcher does at intervals.
    time.sleep(random.uniform(0.02, 0.04))
    for packet in packets[:-1]:
        raw.sendto(packet, (target, 0))
    before = time.time_ns()
    raw.sendto(packets[-1], (target, 0))
    print(source, before, flush=True)
