import { formatAddress, isSupportedLinkType, linkTypeName } from "../../mod.ts";
import {
  findNetworkHeader,
  FRAME_DAMAGED,
  FRAME_TOO_DEEP,
  NOT_IP,
} from "../../detect/link.ts";
import { assert, assertEquals } from "../assert.ts";
import { counted, decode, fieldsOf } from "../decode.ts";
import {
  type Bytes,
  concat,
  cooked,
  cooked2,
  ipv4,
  ipv6,
  kindsOf,
  LINKS,
  NETWORKS,
  packetAmid,
  packetOf,
  SOURCE,
  SOURCE6,
  tcp,
} from "../packets.ts";

const DATAGRAM = ipv4(tcp());
const DATAGRAM6 = ipv6(tcp());

const KINDS = kindsOf(NETWORKS);

for (const link of LINKS) {
  Deno.test(`decoded over ${link.name}, link type ${link.linkType}`, () => {
    const kinds = KINDS.filter((kind) => kind.link === link);
    assert(kinds.length > 2);
    for (const { name, network, build } of kinds) {
      const ports = { sourcePort: 1, destinationPort: 65_535, flags: 0xc2 };
      // What stands before and behind the packet changes nothing.
      for (const filler of [0x00, 0x45, 0x60, 0xff]) {
        const packet = packetAmid(build(tcp(ports)), link.linkType, filler);
        const decoded = decode(packet);
        assertEquals(
          fieldsOf(decoded),
          { version: network.version, ...ports, tos: 0, ttl: 64 },
          name,
        );
        const { source0, source1, source2, source3 } = decoded.segment;
        assertEquals(
          formatAddress(source0, source1, source2, source3),
          network.version === 4 ? SOURCE : SOURCE6,
        );
        assertEquals(packet.direction, link.direction);
      }
    }
  });
}

Deno.test("the supported link types are those that are decoded", () => {
  const tested = new Set(LINKS.map(({ linkType }) => linkType));
  for (let linkType = 0; linkType < 400; linkType++) {
    assertEquals(isSupportedLinkType(linkType), tested.has(linkType));
    if (tested.has(linkType)) continue;
    assertEquals(findNetworkHeader(packetOf(DATAGRAM, linkType)), NOT_IP);
  }
});

Deno.test("link types have the names of tcpdump.org's list", () => {
  const names = [0, 1, 101, 105, 113, 276, 9999].map(linkTypeName);
  assertEquals(
    names.join(" "),
    "NULL ETHERNET RAW IEEE802_11 LINUX_SLL LINUX_SLL2 unknown",
  );
  for (const { linkType } of LINKS) {
    assert(linkTypeName(linkType) !== "unknown");
  }
});

const MACS = new Uint8Array(12);
const TAG = [0x81, 0x00, 0x00, 0x05];

/** Frames without an IP packet. */
const NO_IP: readonly [name: string, linkType: number, bytes: Bytes][] = [
  ["ARP over Ethernet", 1, concat(MACS, [0x08, 0x06], DATAGRAM)],
  ["802.3 with a length for an EtherType", 1, concat(MACS, [0, 40], DATAGRAM)],
  ["MPLS in a VLAN", 1, concat(MACS, TAG, [0x88, 0x47], DATAGRAM)],
  ["ARP, cooked", 113, concat(cooked(0, Uint8Array.of(8, 6)), DATAGRAM)],
  ["ARP, cooked 2", 276, concat(cooked2(0, Uint8Array.of(8, 6)), DATAGRAM)],
  // linux/if_packet.h: 5 and 6 are looped back copies, 7 is for the kernel.
  ...[5, 6, 7, 0x100].map((
    type,
  ): [string, number, Bytes] => [
    `cooked packet type ${type}`,
    113,
    concat(cooked(type, Uint8Array.of(8, 0)), DATAGRAM),
  ]),
  [
    "cooked 2 packet type 7",
    276,
    concat(cooked2(7, Uint8Array.of(8, 0)), DATAGRAM),
  ],
  ["AppleTalk over null", 0, concat([16, 0, 0, 0], DATAGRAM)],
  ["a family of two bytes", 0, concat([2, 0, 0, 1], DATAGRAM)],
  ["a family in the middle", 108, concat([0, 2, 0, 0], DATAGRAM)],
  ["LCP over PPP", 9, concat([0xff, 0x03, 0xc0, 0x21], DATAGRAM)],
  ["IPCP over PPP", 9, concat([0x80, 0x21], DATAGRAM)],
];

for (const [name, linkType, bytes] of NO_IP) {
  Deno.test(`no IP: ${name}`, () => {
    assertEquals(findNetworkHeader(packetOf(bytes, linkType)), NOT_IP);
    assertEquals(
      counted(packetOf(bytes, linkType)),
      { packets: 1, otherProtocols: 1 },
    );
  });
}

Deno.test("a packet whose version is not the frame's is damaged, as hosts drop it", () => {
  for (const { name, linkType, versions, wrap } of LINKS) {
    if (name.startsWith("raw") && versions.length === 2) continue;
    for (const version of versions) {
      const wrong = version === 4 ? DATAGRAM6 : DATAGRAM;
      const packet = packetOf(wrap(wrong, version), linkType);
      assertEquals(findNetworkHeader(packet), FRAME_DAMAGED, name);
    }
  }
});

Deno.test("four stacked tags are walked, five are too many", () => {
  const stack = (tags: number) =>
    packetOf(
      concat(MACS, ...new Array(tags).fill(TAG), [0x08, 0x00], DATAGRAM),
      1,
    );
  assertEquals(findNetworkHeader(stack(4)), 14 + 4 * 4);
  assertEquals(findNetworkHeader(stack(5)), FRAME_TOO_DEEP);
  assertEquals(counted(stack(5)), { packets: 1, tooDeep: 1 });
});
