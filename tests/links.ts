/**
 * Every way to carry IP packets that is supported, made by hand.
 *
 * @module
 */

import type { Direction } from "../detect/packet/packet.ts";
import { type Bytes, concat, u16, u32 } from "./bytes.ts";

/** A way to carry IP packets. */
export interface Link {
  name: string;
  linkType: number;
  /** What the frame itself says of the packet's direction. */
  direction: Direction;
  /** Which IP versions it can carry. */
  versions: readonly (4 | 6)[];
  wrap(datagram: Uint8Array, version: 4 | 6): Bytes;
}

const BOTH = [4, 6] as const;
const MAC_ADDRESSES = new Uint8Array(12).fill(0x02);

function etherType(version: 4 | 6): Bytes {
  return u16(version === 4 ? 0x0800 : 0x86dd);
}

function ethernet(name: string, ...tags: number[]): Link {
  const tagBytes = tags.map((tag) => concat(u16(tag), u16(0x0064)));
  return {
    name,
    linkType: 1,
    direction: 0,
    versions: BOTH,
    wrap: (datagram, version) =>
      concat(MAC_ADDRESSES, ...tagBytes, etherType(version), datagram),
  };
}

/** linux/if_packet.h's packet types, and the direction that each means. */
export const COOKED_TYPES: readonly [name: string, number, Direction][] = [
  ["host", 0, 1],
  ["broadcast", 1, 1],
  ["multicast", 2, 1],
  ["other host", 3, 0],
  ["outgoing", 4, 2],
];

/** A Linux cooked header, version 1 (LINKTYPE_LINUX_SLL). */
export function cooked(type: number, protocol: Uint8Array): Bytes {
  return concat(u16(type), u16(1), u16(6), new Uint8Array(8), protocol);
}

/** A Linux cooked header, version 2 (LINKTYPE_LINUX_SLL2). */
export function cooked2(type: number, protocol: Uint8Array): Bytes {
  const address = new Uint8Array(8);
  return concat(protocol, u16(0), u32(2), u16(1), [type, 6], address);
}

function family(
  name: string,
  linkType: number,
  ipv6Family: number,
  littleEndian: boolean,
): Link {
  return {
    name,
    linkType,
    direction: 0,
    versions: BOTH,
    wrap: (datagram, version) => {
      const bytes = u32(version === 4 ? 2 : ipv6Family);
      return concat(littleEndian ? bytes.reverse() : bytes, datagram);
    },
  };
}

function ppp(name: string, linkType: number, ...header: number[]): Link {
  const isCompressed = name.includes("compressed");
  return {
    name,
    linkType,
    direction: 0,
    versions: BOTH,
    wrap: (datagram, version) => {
      const protocol = version === 4 ? 0x21 : 0x57;
      return concat(header, isCompressed ? [] : [0], [protocol], datagram);
    },
  };
}

function raw(linkType: number, versions: readonly (4 | 6)[]): Link {
  return {
    name: `raw ${linkType}`,
    linkType,
    direction: 0,
    versions,
    wrap: (datagram) => concat(datagram),
  };
}

/** Behind the EtherType of each: MPLS labels, a PPPoE header. */
function etherWith(
  name: string,
  type: number,
  inner: (version: 4 | 6, length: number) => Bytes,
): Link[] {
  const wrap = (datagram: Uint8Array, version: 4 | 6) =>
    concat(u16(type), inner(version, datagram.length), datagram);
  const common = { direction: 0, versions: BOTH } as const;
  return [{
    name: `${name} over Ethernet`,
    linkType: 1,
    ...common,
    wrap: (datagram, version) => concat(MAC_ADDRESSES, wrap(datagram, version)),
  }, {
    name: `${name} in a VLAN`,
    linkType: 1,
    ...common,
    wrap: (datagram, version) =>
      concat(MAC_ADDRESSES, u16(0x8100), u16(7), wrap(datagram, version)),
  }];
}

/** A stack of MPLS labels (RFC 3032). */
export function labels(count: number): Bytes {
  return concat(
    ...Array.from({ length: count }, (_, i) => {
      const isLast = i === count - 1 ? 0x100 : 0;
      return u32(((i + 16) << 12) | isLast | 64);
    }),
  );
}

/** A PPPoE session header and PPP's protocol (RFC 2516). */
export function pppoe(length: number, protocol: number): Bytes {
  return concat([0x11, 0x00], u16(1), u16(length + 2), u16(protocol));
}

const pppProtocol = (version: 4 | 6) => version === 4 ? 0x0021 : 0x0057;

/** struct pktap_header (bsd/net/pktap.h) in front of a packet. */
export function pktap(linkType: number, way = 0): Bytes {
  const header = new DataView(new ArrayBuffer(108));
  header.setUint32(0, 108, true);
  header.setUint32(4, 1, true);
  header.setUint32(8, linkType, true);
  header.setUint32(36, way, true);
  return new Uint8Array(header.buffer);
}

/** struct pfloghdr (net/if_pflog.h). */
export function pflog(length: number, family: number, way: number): Bytes {
  const header = new Uint8Array((length + 3) & ~3);
  header[0] = length;
  header[1] = family;
  header[60] = way;
  return header;
}

/** An NFLOG attribute, padded to 4 bytes unless it is the last. */
function attribute(
  type: number,
  value: Uint8Array,
  littleEndian: boolean,
): Bytes {
  const header = [u16(4 + value.length), u16(type)];
  if (littleEndian) { for (const field of header) field.reverse(); }
  return concat(...header, value, new Uint8Array((4 - value.length % 4) % 4));
}

/** NFLOG's header and attributes up to the payload's. */
export function nflog(
  datagram: Uint8Array,
  version: 4 | 6,
  littleEndian: boolean,
  interfaces: readonly number[],
): Bytes {
  const header = concat([version === 4 ? 2 : 10, 0], u16(5));
  const others = interfaces.map((type) =>
    attribute(type, u32(2), littleEndian)
  );
  const hook = attribute(1, concat(u16(0x0800), [1, 0]), littleEndian);
  const prefix = attribute(10, Uint8Array.of(0x61, 0), littleEndian);
  const payload = attribute(9, datagram, littleEndian);
  const end = 4 + datagram.length;
  return concat(header, hook, prefix, ...others, payload.slice(0, end));
}

/** What firewalls log, and the direction that they tell. */
const LOGGED: readonly Link[] = [
  ...[true, false].flatMap((littleEndian) =>
    ([[[], 0], [[4], 1], [[5], 2], [[4, 5], 0]] as const).map((
      [interfaces, direction],
    ): Link => ({
      name: `NFLOG, ${
        littleEndian ? "little" : "big"
      }-endian, interfaces ${interfaces.join()}`,
      linkType: 239,
      direction,
      versions: BOTH,
      wrap: (datagram, version) =>
        nflog(datagram, version, littleEndian, interfaces),
    }))
  ),
  ...[["OpenBSD", 24, 100], ["FreeBSD", 28, 61], ["pfSense", 28, 69]].flatMap((
    [system, family, length],
  ) =>
    ([0, 1, 2] as const).map((direction): Link => ({
      name: `PFLOG of ${system}, direction ${direction}`,
      linkType: 117,
      direction,
      versions: BOTH,
      wrap: (datagram, version) => {
        const af = version === 4 ? 2 : Number(family);
        return concat(pflog(Number(length), af, direction), datagram);
      },
    }))
  ),
];

/** Every way that is supported. */
export const LINKS: readonly Link[] = [
  raw(101, BOTH),
  raw(12, BOTH),
  raw(14, BOTH),
  raw(228, [4]),
  raw(229, [6]),
  ethernet("Ethernet"),
  ethernet("802.1Q", 0x8100),
  ethernet("802.1ad", 0x88a8, 0x8100),
  ethernet("old Q-in-Q", 0x9100, 0x8100),
  ethernet("four tags", 0x88a8, 0x88a8, 0x8100, 0x8100),
  ...COOKED_TYPES.flatMap(([name, type, direction]): Link[] => [{
    name: `cooked, ${name}`,
    linkType: 113,
    direction,
    versions: BOTH,
    wrap: (datagram, version) =>
      concat(cooked(type, etherType(version)), datagram),
  }, {
    name: `cooked 2, ${name}`,
    linkType: 276,
    direction,
    versions: BOTH,
    wrap: (datagram, version) =>
      concat(cooked2(type, etherType(version)), datagram),
  }]),
  {
    name: "cooked with a tag",
    linkType: 113,
    direction: 1,
    versions: BOTH,
    wrap: (datagram, version) =>
      concat(cooked(0, u16(0x8100)), u16(5), etherType(version), datagram),
  },
  ...[["Linux", 10], ["NetBSD", 24], ["FreeBSD", 28], ["macOS", 30]].flatMap(
    ([system, af]): Link[] => [
      family(`null of ${system}, little-endian`, 0, Number(af), true),
      family(`null of ${system}, big-endian`, 0, Number(af), false),
    ],
  ),
  family("loop", 108, 24, false),
  family("loop, little-endian", 108, 24, true),
  ppp("PPP", 9),
  ppp("PPP, HDLC framing", 9, 0xff, 0x03),
  ppp("PPP_HDLC", 50, 0xff, 0x03),
  ppp("PPP, compressed protocol", 9),
  ppp("PPP_HDLC, compressed protocol", 50, 0xff, 0x03),
  ...etherWith("one MPLS label", 0x8847, () => labels(1)),
  ...etherWith("five MPLS labels", 0x8848, () => labels(5)),
  ...etherWith(
    "PPPoE",
    0x8864,
    (version, length) => pppoe(length, pppProtocol(version)),
  ),
  ...etherWith(
    "MPLS over PPPoE",
    0x8864,
    (_version, length) => concat(pppoe(length + 8, 0x0281), labels(2)),
  ),
  {
    name: "PPP_ETHER",
    linkType: 51,
    direction: 0,
    versions: BOTH,
    wrap: (datagram, version) =>
      concat(pppoe(datagram.length, pppProtocol(version)), datagram),
  },
  ...[[104, 0x0f], [104, 0x8f], [50, 0x0f]].map((
    [linkType, address],
  ): Link => ({
    name: `Cisco HDLC, address ${address}`,
    linkType,
    direction: 0,
    versions: BOTH,
    wrap: (datagram, version) =>
      concat([address, 0], etherType(version), datagram),
  })),
  ...LOGGED,
  ...([[258, 0], [258, 1], [149, 2]] as const).flatMap(
    ([linkType, direction]): Link[] => [{
      name: `PKTAP of Ethernet, direction ${direction}`,
      linkType,
      direction,
      versions: BOTH,
      wrap: (datagram, version) =>
        concat(
          pktap(1, direction),
          MAC_ADDRESSES,
          etherType(version),
          datagram,
        ),
    }, {
      name: `PKTAP of raw IP, direction ${direction}`,
      linkType,
      direction,
      versions: BOTH,
      wrap: (datagram) => concat(pktap(12, direction), datagram),
    }],
  ),
];
