/**
 * Every tunnel that is opened in files, made by hand, and random nestings.
 *
 * @module
 */

import { type Bytes, concat, u16, u32 } from "./bytes.ts";
import { labels } from "./links.ts";
import { extension, ipv4, ipv6, tcp, udp } from "./packets.ts";
import { below, pick, type Random } from "./random.ts";

/** IP versions of what a tunnel carries, and of what carries it. */
export type Version = 4 | 6;

/** A way to put an IP packet into another one's payload. */
export interface Tunnel {
  name: string;
  /** The protocol of the IP packet around it. */
  protocol(inner: Version): number;
  /** What that carries. */
  wrap(packet: Uint8Array, inner: Version): Bytes;
}

const IP_IN_IP = 4;
const IPV6_IN_IP = 41;
const GRE = 47;
const UDP = 17;

const MACS = new Uint8Array(12).fill(0x02);

function etherType(version: Version): number {
  return version === 4 ? 0x0800 : 0x86dd;
}

function frame(packet: Uint8Array, inner: Version): Bytes {
  return concat(MACS, u16(etherType(inner)), packet);
}

function tagged(packet: Uint8Array, inner: Version): Bytes {
  return concat(MACS, u16(0x8100), u16(7), u16(etherType(inner)), packet);
}

function gre(
  name: string,
  flags: number,
  type: (inner: Version) => number,
  wrap: Tunnel["wrap"],
): Tunnel {
  const fields = [0x8000, 0x2000, 0x1000].filter((bit) => flags & bit).length;
  return {
    name: `GRE, ${name}`,
    protocol: () => GRE,
    wrap: (packet, inner) =>
      concat(
        u16(flags),
        u16(type(inner)),
        new Uint8Array(4 * fields).fill(1),
        wrap(packet, inner),
      ),
  };
}

const plain: Tunnel["wrap"] = (packet) => concat(packet);

function overUdp(name: string, port: number, wrap: Tunnel["wrap"]): Tunnel {
  return {
    name,
    protocol: () => UDP,
    wrap: (packet, inner) =>
      udp({
        sourcePort: 50_000,
        destinationPort: port,
        payload: wrap(packet, inner),
      }),
  };
}

/** VXLAN's header (RFC 7348, 5). */
const vxlan = concat([8, 0, 0, 0], u32(42 << 8));

function geneve(options: number, type: number): Bytes {
  const body = new Uint8Array(4 * options);
  // Each option's header says how long it is; these have no data.
  for (let i = 0; i < options; i++) body.set([0xff, 0xff, 0x01, 0], 4 * i);
  return concat([options, 0], u16(type), u32(42 << 8), body);
}

/** All of them. */
export const TUNNELS: readonly Tunnel[] = [
  {
    name: "IP in IP",
    protocol: (inner) => inner === 4 ? IP_IN_IP : IPV6_IN_IP,
    wrap: plain,
  },
  gre("plain", 0, etherType, plain),
  gre("checksum", 0x8000, etherType, plain),
  gre("key", 0x2000, etherType, plain),
  gre("checksum, key and sequence", 0xb000, etherType, plain),
  gre("bridged", 0, () => 0x6558, frame),
  gre("bridged VLAN with a key", 0x2000, () => 0x6558, tagged),
  gre("MPLS", 0, () => 0x8847, (p) => concat(labels(2), p)),
  gre("ERSPAN I", 0, () => 0x88be, frame),
  gre(
    "ERSPAN II",
    0x1000,
    () => 0x88be,
    (p, v) => concat([0x10, 7, 0, 1], u32(0), frame(p, v)),
  ),
  gre(
    "ERSPAN III",
    0x1000,
    () => 0x22eb,
    (p, v) => concat([0x20, 7, 0, 1], u32(99), u32(0), tagged(p, v)),
  ),
  gre(
    "ERSPAN III with a subheader",
    0x1000,
    () => 0x22eb,
    (p, v) =>
      concat([0x20, 7, 0, 1], u32(99), u32(1), u32(0), u32(0), frame(p, v)),
  ),
  overUdp("VXLAN", 4789, (p, v) => concat(vxlan, frame(p, v))),
  overUdp("VXLAN of a VLAN", 4789, (p, v) => concat(vxlan, tagged(p, v))),
  overUdp("Geneve", 6081, (p, v) => concat(geneve(0, 0x6558), frame(p, v))),
  overUdp(
    "Geneve of IP with options",
    6081,
    (p, v) => concat(geneve(3, etherType(v)), p),
  ),
];

/** An IP packet that carries another one through a tunnel. */
export function carry(
  tunnel: Tunnel,
  packet: Uint8Array,
  inner: Version,
  outer: Version,
): Bytes {
  const payload = tunnel.wrap(packet, inner);
  const protocol = tunnel.protocol(inner);
  return outer === 4
    ? ipv4(payload, { protocol })
    : ipv6(payload, { next: protocol });
}

/** A packet of random nesting, and what is at its heart. */
export interface Nesting {
  name: string;
  /** The version of the outermost packet. */
  version: Version;
  bytes: Bytes;
}

/** Puts a segment into up to `depth` IP headers, tunnels between them. */
export function nest(
  random: Random,
  segment: Uint8Array,
  depth: number,
): Nesting {
  let version: Version = pick(random, [4, 6] as const);
  let bytes = innermost(random, segment, version);
  let name = `TCP in IPv${version}`;
  for (let headers = 1; headers < depth; headers++) {
    const tunnel = pick(random, TUNNELS);
    const outer = pick(random, [4, 6] as const);
    bytes = carry(tunnel, bytes, version, outer);
    name += `, ${tunnel.name} over IPv${outer}`;
    version = outer;
  }
  return { name, version, bytes };
}

function innermost(
  random: Random,
  segment: Uint8Array,
  version: Version,
): Bytes {
  if (version === 4) {
    return ipv4(segment, {
      options: new Uint8Array(4 * below(random, 4)).fill(1),
    });
  }
  if (below(random, 3) > 0) return ipv6(segment);
  const headers = 1 + below(random, 3);
  let payload = concat(segment);
  let next = 6;
  for (let i = 0; i < headers; i++) {
    payload = extension(next, payload, 1 + below(random, 3));
    next = 60;
  }
  return ipv6(payload, { next });
}

/** A SYN of random ports and flags. */
export function randomSegment(random: Random): Bytes {
  return tcp({
    sourcePort: below(random, 65_536),
    destinationPort: below(random, 65_536),
    flags: below(random, 256),
  });
}
