/**
 * Packets that pretend to come from somebody else.
 *
 * @module
 */

import {
  type Bytes,
  concat,
  ipv4,
  ipv6,
  NEXT_TCP,
  NEXT_UDP,
  tcp,
} from "../packets.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, HOST_IPV6, type TwoHosts } from "./namespaces.ts";

const RST = 0x04;
const ACK = 0x10;
const ICMP = 1;
const ICMPV6 = 58;
const SCTP = 132;

/** The Ethernet header of a frame from the scanner to the host. */
async function linkHeader(
  { scanner, host }: TwoHosts,
  etherType: number,
): Promise<Bytes> {
  return concat(
    await hardwareAddress(host),
    await hardwareAddress(scanner),
    [etherType >> 8, etherType & 0xff],
  );
}

/** Adds the 16-bit words of some bytes (RFC 1071). */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (const [i, byte] of bytes.entries()) {
    total += i % 2 === 0 ? byte << 8 : byte;
  }
  return total;
}

/** Writes a checksum over some bytes, in which its own stand as 0. */
function setChecksum(bytes: Bytes, at: number, start: number): void {
  let total = start + sum(bytes);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(at, ~total & 0xffff);
}

/** Where the checksum stands in a transport header. */
const CHECKSUM_AT = new Map([[NEXT_TCP, 16], [ICMP, 2], [ICMPV6, 2]]);

/**
 * Fills in the transport header's checksum in an IPv4 datagram without options,
 * or an IPv6 packet without extension headers, so that the kernel takes it.
 */
function checksummed(datagram: Bytes): Bytes {
  const isIpv4 = datagram[0] >> 4 === 4;
  const headerLength = isIpv4 ? 20 : 40;
  const protocol = datagram[isIpv4 ? 9 : 6];
  const at = CHECKSUM_AT.get(protocol);
  if (at === undefined) return datagram;
  const payload = datagram.subarray(headerLength);
  const addresses = datagram.subarray(isIpv4 ? 12 : 8, headerLength);
  const pseudoHeader = protocol === ICMP
    ? 0
    : sum(addresses) + protocol + payload.length;
  setChecksum(payload, at, pseudoHeader);
  return datagram;
}

/** Sends SYNs to some ports from each source, one source after the other. */
export async function sendForgedScans(
  two: TwoHosts,
  sources: readonly string[],
  ports: readonly number[],
): Promise<void> {
  const header = await linkHeader(two, 0x0800);
  const frames = sources.flatMap((source, i) => {
    // Else they would look like one scanner's decoys.
    const own = { sourcePort: 40_000 + i, sequence: 1_000_000 * i + 7 };
    return ports.map((destinationPort) =>
      concat(
        header,
        checksummed(
          ipv4(tcp({ ...own, destinationPort }), { source, destination: HOST }),
        ),
      )
    );
  });
  await inject(two.scanner, frames);
}

/** An ICMP or ICMPv6 message (RFC 792, RFC 4443) that quotes a packet. */
function unreachable(type: number, code: number, quoted: Uint8Array): Bytes {
  return concat([type, code, 0, 0, 0, 0, 0, 0], quoted);
}

/** A UDP header (RFC 768). */
function udp(sourcePort: number, destinationPort: number): Bytes {
  const ports = [sourcePort, destinationPort].flatMap((p) => [p >> 8, p & 255]);
  return concat(ports, [0, 8, 0, 0]);
}

/** An SCTP packet with an ABORT chunk (RFC 9260, 3.3.7). */
function sctpAbort(sourcePort: number, destinationPort: number): Bytes {
  const ports = [sourcePort, destinationPort].flatMap((p) => [p >> 8, p & 255]);
  return concat(ports, [1, 2, 3, 4, 0, 0, 0, 0], [6, 0, 0, 4]);
}

/** One packet of a kind: `port` is the host's, `peer` the number of its peer. */
type Forgery = (port: number, peer: number) => Bytes;

const RFC_CODES = [2, 3, 9, 10, 13];
const RFC_CODES_6 = [1, 4, 5, 6];

function peer4(peer: number): string {
  return `198.51.100.${peer}`;
}

function peer6(peer: number): string {
  return `2001:db8:99:${peer}::1`;
}

function reset(flags: number): Forgery {
  return (port, peer) =>
    ipv4(tcp({ destinationPort: port, sourcePort: 40_000 + peer, flags }), {
      source: peer4(peer),
      destination: HOST,
    });
}

/** Unreachables as a peer would send them, about a packet of the host's. */
function icmp(protocol: number, quote: (port: number) => Bytes): Forgery {
  return (port, peer) => {
    const quoted = ipv4(quote(port), {
      source: HOST,
      destination: peer4(peer),
      protocol,
    });
    const code = RFC_CODES[port % RFC_CODES.length];
    return ipv4(unreachable(3, code, quoted), {
      source: peer4(peer),
      destination: HOST,
      protocol: ICMP,
    });
  };
}

/** Unreachables about a packet to the host, as if the host had refused it. */
function mirroredIcmp(port: number, peer: number): Bytes {
  const quoted = ipv4(udp(40_000, port), {
    source: peer4(peer),
    destination: HOST,
    protocol: NEXT_UDP,
  });
  return ipv4(unreachable(3, 3, quoted), {
    source: peer4(peer),
    destination: HOST,
    protocol: ICMP,
  });
}

/** The same in the host's own name. */
function ownIcmp(port: number, peer: number): Bytes {
  const quoted = ipv4(udp(40_000, port), {
    source: peer4(peer),
    destination: HOST,
    protocol: NEXT_UDP,
  });
  return ipv4(unreachable(3, 3, quoted), {
    source: HOST,
    destination: peer4(peer),
    protocol: ICMP,
  });
}

function icmp6(next: number, quote: (port: number) => Bytes): Forgery {
  return (port, peer) => {
    const quoted = ipv6(quote(port), {
      source: HOST_IPV6,
      destination: peer6(peer),
      next,
    });
    const code = RFC_CODES_6[port % RFC_CODES_6.length];
    return ipv6(unreachable(1, code, quoted), {
      source: peer6(peer),
      destination: HOST_IPV6,
      next: ICMPV6,
    });
  };
}

function abort(port: number, peer: number): Bytes {
  return ipv4(sctpAbort(40_000 + peer, port), {
    source: peer4(peer),
    destination: HOST,
    protocol: SCTP,
  });
}

const quotedTcp = (port: number) => tcp({ sourcePort: port });
const quotedUdp = (port: number) => udp(port, 40_000);

const FORGERIES: Readonly<Record<string, Forgery>> = {
  "RST": reset(RST),
  "RST with ACK": reset(RST | ACK),
  "ICMP about TCP": icmp(NEXT_TCP, quotedTcp),
  "ICMP about UDP": icmp(NEXT_UDP, quotedUdp),
  "ICMP about SCTP": icmp(SCTP, (port) => sctpAbort(port, 40_000)),
  "ICMP about packets to the host": mirroredIcmp,
  "ICMP in the host's name": ownIcmp,
  "ICMPv6 about TCP": icmp6(NEXT_TCP, quotedTcp),
  "ICMPv6 about UDP": icmp6(NEXT_UDP, quotedUdp),
  "SCTP ABORT": abort,
};

/**
 * Sends so many of each kind, from 200 peers in turn and about ports 1 to 1000;
 * returns the kinds.
 */
export async function sendForgedRefusals(
  two: TwoHosts,
  count: number,
): Promise<string[]> {
  const [header4, header6] = [
    await linkHeader(two, 0x0800),
    await linkHeader(two, 0x86dd),
  ];
  for (const [kind, forge] of Object.entries(FORGERIES)) {
    const header = kind.startsWith("ICMPv6") ? header6 : header4;
    const frames = Array.from({ length: count }, (_, i) => {
      // Each peer goes through all ports in a row, as a scan would.
      const port = 1 + i % 1000;
      const peer = 1 + Math.floor(i / 50) % 200;
      return concat(header, checksummed(forge(port, peer)));
    });
    await inject(two.scanner, frames);
  }
  return Object.keys(FORGERIES);
}
