#!/usr/bin/python3
"""Writes captures/: one small file for each link type, format and writer.

Each FILE has a FILE.expected: the lines that `--read FILE --utc --output stdout` must print. They follow from what is
put into the file here, not from what our program makes of it.

Needs root, and Debian's python3-scapy, tcpdump, tshark and iproute2. What the
tools record live differs from run to run in its times, so the files are made
once and committed.
"""

import gzip
import pathlib
import shutil
import subprocess
import sys
import time

from scapy.all import (
    AH, ARP, IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, TCP, UDP, CookedLinux,
    CookedLinuxV2, Dot1AD, Dot1Q, Ether, Raw, RawPcapWriter,
)

FOLDER = pathlib.Path(__file__).parent / "captures"
START = 1767249613  # 2026-01-01 06:40:13 UTC
PORTS = [22, 23, 111, 21, 25, 143, 80]
LIST = ", ".join(map(str, PORTS[:-1]))
REST = f"ports {LIST}, ..., fSrpauxy, TOS 00, TTL 64"
IPV4 = ("192.0.2.1", "198.51.100.2")
IPV6 = ("2001:db8:0:1::7", "2001:db8:ffff::2")


def segment(port, flags="S"):
    return TCP(sport=40000, dport=port, flags=flags)


def ipv4(payload, **fields):
    return IP(src=IPV4[0], dst=IPV4[1], **fields) / payload


def ipv6(payload):
    return IPv6(src=IPV6[0], dst=IPV6[1]) / payload


def line(ends, when=START):
    source = f"[{ends[0]}]" if ":" in ends[0] else ends[0]
    clock = time.strftime("%H:%M:%S", time.gmtime(when))
    return f"{source}:40000 to {ends[1]} {REST} @{clock}"


LINE4, LINE6 = line(IPV4), line(IPV6)


def scan(wrap, versions=(4, 6)):
    """A scan over each IP version, in frames that `wrap` makes."""
    frames = []
    if 4 in versions:
        frames += [wrap(ipv4(segment(port)), 4) for port in PORTS]
    if 6 in versions:
        frames += [wrap(ipv6(segment(port)), 6) for port in PORTS]
    return frames


def expect(path, lines):
    expected = "".join(f"{x}\n" for x in lines)
    (FOLDER / f"{path.name}.expected").write_text(expected)


def write(name, link_type, frames, lines, nano=False, endianness="<"):
    """A pcap file with frames 10 ms apart."""
    path = FOLDER / f"{name}.pcap"
    writer = RawPcapWriter(str(path), linktype=link_type, nano=nano,
                           endianness=endianness, sync=True)
    writer.write_header(None)
    unit = 10_000_000 if nano else 10_000
    for i, frame in enumerate(frames):
        writer.write_packet(bytes(frame), sec=START, usec=i * unit)
    writer.close()
    expect(path, lines)
    return path


def ethernet(*tags):
    """Frames with these tags before the EtherType."""
    def wrap(datagram, _version):
        frame = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        for tag in tags:
            frame /= tag
        return frame / datagram
    return wrap


def family(order, ipv6_family):
    def wrap(datagram, version):
        number = 2 if version == 4 else ipv6_family
        return number.to_bytes(4, order) + bytes(datagram)
    return wrap


def ppp(header):
    def wrap(datagram, version):
        protocol = 0x0021 if version == 4 else 0x0057
        return header + protocol.to_bytes(2, "big") + bytes(datagram)
    return wrap


def c_hdlc(datagram, version):
    proto = 0x0800 if version == 4 else 0x86dd
    return b"\x0f\0" + proto.to_bytes(2, "big") + bytes(datagram)


def pktap(datagram, _version):
    """struct pktap_header of macOS before raw IP."""
    numbers = [108, 1, 12]
    header = b"".join(x.to_bytes(4, "little") for x in numbers)
    return header + b"en0".ljust(96, b"\0") + bytes(datagram)


def plain(datagram, _version):
    return datagram


def cooked(kind):
    def wrap(datagram, version):
        proto = 0x0800 if version == 4 else 0x86dd
        return CookedLinux(pkttype=kind, lladdrtype=1, lladdrlen=6,
                           src=b"\2\0\0\0\0\1", proto=proto) / datagram
    return wrap


def cooked2(kind):
    def wrap(datagram, version):
        proto = 0x0800 if version == 4 else 0x86dd
        return CookedLinuxV2(proto=proto, ifindex=2, lladdrtype=1,
                             pkttype=kind, lladdrlen=6,
                             src=b"\2\0\0\0\0\1") / datagram
    return wrap


def pieces(payload):
    """8 bytes each."""
    data = bytes(payload)
    for at in range(0, len(data), 8):
        yield at, at + 8 < len(data), data[at:at + 8]


def fragments():
    wrap, frames = ethernet(), []
    for i, port in enumerate(PORTS):
        for at, more, data in pieces(segment(port)):
            frames.append(wrap(ipv4(Raw(data), id=i, frag=at // 8, proto=6,
                                    flags="MF" if more else 0), 4))
    for i, port in enumerate(PORTS):
        for at, more, data in pieces(segment(port)):
            header = IPv6ExtHdrFragment(nh=6, id=i, offset=at // 8, m=more)
            frames.append(wrap(ipv6(header / Raw(data)), 6))
    return frames


def extensions():
    """Each port behind other extension headers."""
    def ah(icv):
        return AH(nh=6, payloadlen=(12 + icv) // 4 - 2, spi=1, seq=1,
                  icv=b"\0" * icv)

    route = IPv6ExtHdrRouting()
    chains = [
        IPv6ExtHdrHopByHop(), route, IPv6ExtHdrDestOpt(),
        IPv6ExtHdrFragment(id=7), ah(12),
        IPv6ExtHdrHopByHop() / route / ah(16),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting() /
        IPv6ExtHdrFragment(id=9) / IPv6ExtHdrDestOpt(),
    ]
    return [ethernet()(ipv6(chain / segment(port)), 6)
            for chain, port in zip(chains, PORTS)]


def written_by_scapy():
    both, v4, v6 = [LINE4, LINE6], [LINE4], [LINE6]
    noise = [ethernet()(x, 4) for x in (ARP(), ipv4(UDP(sport=5, dport=53)))]
    write("ethernet", 1, noise + scan(ethernet()), both)
    write("ethernet-big-endian", 1, scan(ethernet()), both, endianness=">")
    write("ethernet-nanoseconds", 1, scan(ethernet()), both, nano=True)
    write("vlan-802.1q", 1, scan(ethernet(Dot1Q(vlan=100))), both)
    write("vlan-802.1ad", 1, scan(ethernet(Dot1AD(vlan=5))), both)
    write("vlan-stacked", 1,
          scan(ethernet(Dot1AD(vlan=5), Dot1Q(vlan=100))), both)
    # A host with an interface for the VLAN sees each packet twice.
    twice = [f for port in PORTS for f in (
        ethernet(Dot1Q(vlan=100))(ipv4(segment(port)), 4),
        ethernet()(ipv4(segment(port)), 4))]
    write("vlan-twice", 1, twice, v4)
    write("cooked-in", 113, scan(cooked(0)), both)
    write("cooked-out", 113, scan(cooked(4)), [])
    write("cooked2-in", 276, scan(cooked2(0)), both)
    write("cooked2-out", 276, scan(cooked2(4)), [])
    write("raw-101", 101, scan(plain), both)
    write("raw-12", 12, scan(plain), both)
    write("raw-14", 14, scan(plain), both)
    write("raw-ipv4", 228, scan(plain, [4]), v4)
    write("raw-ipv6", 229, scan(plain, [6]), v6)
    write("null-little-endian", 0, scan(family("little", 30)), both)
    write("null-big-endian", 0, scan(family("big", 24)), both)
    write("loop", 108, scan(family("big", 24)), both)
    write("ppp", 9, scan(ppp(b"")), both)
    write("ppp-framed", 9, scan(ppp(b"\xff\x03")), both)
    write("ppp-hdlc", 50, scan(ppp(b"\xff\x03")), both)
    write("c-hdlc", 104, scan(c_hdlc), both)
    write("pktap-149", 149, scan(pktap), both)
    write("fragments", 1, fragments(), both)
    write("extensions", 1, extensions(), v6)


def run(*command):
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def converted():
    """What editcap and mergecap, Wireshark's writers, make of it."""
    def path(name):
        return str(FOLDER / name)

    both = [LINE4, LINE6]
    for source, kind, target in [
        ("ethernet.pcap", "pcapng", "editcap-ethernet.pcapng"),
        ("vlan-stacked.pcap", "pcapng", "editcap-vlan.pcapng"),
        ("cooked2-in.pcap", "pcapng", "editcap-cooked2.pcapng"),
        ("ethernet-nanoseconds.pcap", "pcapng", "editcap-nanoseconds.pcapng"),
        ("ethernet.pcap", "nsecpcap", "editcap-nsecpcap.pcap"),
    ]:
        run("editcap", "-F", kind, path(source), path(target))
        expect(FOLDER / target, both)
    # Blocks and options of many kinds.
    target = FOLDER / "editcap-comments.pcapng"
    run("editcap", "-F", "pcapng", "--capture-comment", "of a test",
        "-a", "3:a comment", "-a", "4:another, of odd length",
        path("ethernet.pcap"), str(target))
    expect(target, both)
    # Two interfaces with different link types.
    target = FOLDER / "mergecap-two-interfaces.pcapng"
    run("mergecap", "-F", "pcapng", "-w", str(target),
        path("raw-ipv4.pcap"), path("cooked-in.pcap"))
    expect(target, both)
    # tcpdump writes what it has read.
    target = FOLDER / "tcpdump-filtered.pcap"
    run("tcpdump", "-r", path("ethernet.pcap"), "-w", str(target), "ip6")
    expect(target, [LINE6])
    for name in "ethernet.pcap", "editcap-ethernet.pcapng":
        stem, kind = name.split(".")
        target = FOLDER / f"gzip-{stem}.{kind}.gz"
        with open(FOLDER / name, "rb") as source:
            target.write_bytes(gzip.compress(source.read(), mtime=0))
        expect(target, both)


SCANNER, TARGET = "captures-a", "captures-b"
ENDS = ("192.0.2.1", "192.0.2.2")
SEND = """
import sys
from scapy.all import *
for port in map(int, sys.argv[1].split(",")):
    sendp(Ether(dst="02:00:00:00:00:02") / IP(src="192.0.2.1", dst="192.0.2.2")
          / TCP(sport=40000, dport=port, flags="S"), iface="eth0", verbose=False)
"""


def inside(host, *command):
    return ["ip", "netns", "exec", host, *command]


def recorded():
    """What tcpdump, dumpcap and tshark record of a scan."""
    recorders = {
        # First, for as it starts it looks for phones on loopback.
        "tshark.pcapng": (TARGET, "tshark -i eth0"),
        "tcpdump-ethernet.pcap": (TARGET, "tcpdump -i eth0"),
        "tcpdump-nanoseconds.pcap":
            (TARGET, "tcpdump -i eth0 --time-stamp-precision=nano"),
        "tcpdump-any-cooked.pcap": (TARGET, "tcpdump -i any -y LINUX_SLL"),
        "tcpdump-any-cooked2.pcap": (TARGET, "tcpdump -i any -y LINUX_SLL2"),
        "tcpdump-any-outgoing.pcap": (SCANNER, "tcpdump -i any"),
        "dumpcap.pcapng": (TARGET, "dumpcap -i eth0"),
        "dumpcap-two-interfaces.pcapng": (TARGET, "dumpcap -i lo -i eth0"),
        "dumpcap-any.pcap": (TARGET, "dumpcap -P -i any"),
    }
    work = pathlib.Path("/tmp/make-captures")
    work.mkdir(mode=0o777, exist_ok=True)
    for host, address in zip((SCANNER, TARGET), ENDS):
        run("ip", "netns", "add", host)
    try:
        run("ip", "link", "add", "eth0", "netns", SCANNER, "type", "veth",
            "peer", "name", "eth0", "address", "02:00:00:00:00:02",
            "netns", TARGET)
        for host, address in zip((SCANNER, TARGET), ENDS):
            run(*inside(host, "sysctl", "-qw",
                        "net.ipv6.conf.all.disable_ipv6=1"))
            run(*inside(host, "ip", "address", "add", f"{address}/24",
                        "dev", "eth0"))
            for name in "lo", "eth0":
                run(*inside(host, "ip", "link", "set", name, "up"))
        writers = []
        for name, (host, command) in recorders.items():
            options = ["-U", "-Z", "root"] if "tcpdump" in command else []
            writers.append(subprocess.Popen(
                inside(host, *command.split(), *options, "-w",
                       str(work / name)), stderr=subprocess.DEVNULL))
            time.sleep(3 if "tshark" in command else 0.5)
        ports = ",".join(map(str, PORTS))
        run(*inside(SCANNER, "/usr/bin/python3", "-c", SEND, ports))
        time.sleep(2)
        for writer in writers:
            writer.terminate()
            writer.wait()
    finally:
        for host in SCANNER, TARGET:
            run("ip", "netns", "delete", host)
    for name in recorders:
        target = FOLDER / name
        shutil.copyfile(work / name, target)
        lines = [] if "outgoing" in name else [line(ENDS, first_syn(target))]
        expect(target, lines)
    shutil.rmtree(work)


def first_syn(path):
    """When the first SYN was seen, as tshark tells it."""
    output = subprocess.run(
        ["tshark", "-r", str(path), "-Y", "tcp.flags == 2 && ip.src == 192.0.2.1",
         "-T", "fields", "-e", "frame.time_epoch"],
        check=True, capture_output=True, text=True).stdout
    return float(output.split()[0])


def unsupported():
    path = write("unsupported-105", 105, scan(plain), [])
    (FOLDER / f"{path.name}.expected").unlink()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    written_by_scapy()
    unsupported()
    converted()
    recorded()
    sys.exit(0)
