import { Detector } from "../../../mod.ts";
import {
  formatAddress,
  isSupportedLinkType,
  linkTypeName,
} from "../../../library/packet.ts";
import {
  FRAME_DAMAGED,
  FRAME_TOO_DEEP,
  isForeign,
  skipPriorityTags,
} from "../../../detect/packet/frame.ts";
import { PacketKinds } from "../../../detect/packet/kinds.ts";
import {
  findNetworkHeader,
  LINKTYPE_RAW,
} from "../../../detect/packet/link.ts";
import { assert, assertEquals } from "../../assert.ts";
import { labels, pflog, pktap, pppoe } from "../../links.ts";
import { counted, decode, fieldsOf } from "../../decode.ts";
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
} from "../../packets.ts";

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
    const kinds = new PacketKinds();
    kinds.countFrame(findNetworkHeader(packetOf(DATAGRAM, linkType)));
    assertEquals(
      kinds.commonest()?.name,
      `link type ${linkType} (${linkTypeName(linkType)})`,
    );
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

/** Frames without an IP packet, and what they are counted as. */
const NO_IP: readonly [
  name: string,
  linkType: number,
  bytes: Bytes,
  kind: string,
][] = [
  ["ARP over Ethernet", 1, concat(MACS, [8, 6], DATAGRAM), "ARP"],
  ["802.3 with a length", 1, concat(MACS, [0, 40], DATAGRAM), "LLC"],
  [
    "MPLS with a pseudowire",
    1,
    concat(MACS, TAG, [0x88, 0x47], labels(2), new Uint8Array(40)),
    "MPLS without IP",
  ],
  [
    "PPPoE discovery",
    1,
    concat(MACS, [0x88, 0x63, 0x11, 9], DATAGRAM),
    "PPPoE discovery",
  ],
  [
    "a PPPoE session with a code",
    1,
    concat(MACS, [0x88, 0x64, 0x11, 9], DATAGRAM),
    "PPPoE without IP",
  ],
  ["LCP over PPPoE", 51, concat(pppoe(40, 0xc021), DATAGRAM), "LCP"],
  [
    "an EtherType without a name",
    1,
    concat(MACS, [0xab, 0xcd], DATAGRAM),
    "EtherType 0xabcd",
  ],
  ["ARP, cooked", 113, concat(cooked(0, Uint8Array.of(8, 6)), DATAGRAM), "ARP"],
  [
    "ARP, cooked 2",
    276,
    concat(cooked2(0, Uint8Array.of(8, 6)), DATAGRAM),
    "ARP",
  ],
  // linux/if_packet.h: 5 and 6 are looped back copies, 7 is for the kernel.
  ...[5, 6, 7, 0x100].map((
    type,
  ): [string, number, Bytes, string] => [
    `cooked packet type ${type}`,
    113,
    concat(cooked(type, Uint8Array.of(8, 0)), DATAGRAM),
    "link type 113 (LINUX_SLL)",
  ]),
  [
    "cooked 2 packet type 7",
    276,
    concat(cooked2(7, Uint8Array.of(8, 0)), DATAGRAM),
    "link type 276 (LINUX_SLL2)",
  ],
  [
    "AppleTalk over null",
    0,
    concat([16, 0, 0, 0], DATAGRAM),
    "address family 16",
  ],
  [
    "a family of two bytes",
    0,
    concat([2, 0, 0, 1], DATAGRAM),
    "address family 0",
  ],
  [
    "a family in the middle",
    108,
    concat([0, 2, 0, 0], DATAGRAM),
    "address family 0",
  ],
  ["LCP over PPP", 9, concat([0xff, 0x03, 0xc0, 0x21], DATAGRAM), "LCP"],
  ["IPCP over PPP", 9, concat([0x80, 0x21], DATAGRAM), "IPCP"],
  [
    "CDP over Cisco HDLC",
    104,
    concat([0x0f, 0, 0x20, 0], DATAGRAM),
    "EtherType 0x2000",
  ],
  [
    "a family that PFLOG cannot name",
    117,
    concat(pflog(61, 7, 0), DATAGRAM),
    "address family 7",
  ],
  [
    "PKTAP in PKTAP",
    258,
    concat(pktap(258), pktap(149), pktap(1), DATAGRAM),
    "link type 258 (PKTAP)",
  ],
  [
    "PKTAP of 802.11",
    258,
    concat(pktap(105), DATAGRAM),
    "link type 105 (IEEE802_11)",
  ],
];

for (const [name, linkType, bytes, kind] of NO_IP) {
  Deno.test(`no IP: ${name}`, () => {
    assert(isForeign(findNetworkHeader(packetOf(bytes, linkType))));
    assertEquals(
      counted(packetOf(bytes, linkType)),
      { packets: 1, otherProtocols: 1 },
    );
    const detector = new Detector(() => {}, { sources: 16 });
    for (let i = 0; i < 3; i++) detector.packet(packetOf(bytes, linkType));
    assertEquals(detector.kinds.commonest(), { name: kind, packets: 3 });
  });
}

Deno.test("kinds beyond those that a table holds count in the total", () => {
  const kinds = new PacketKinds();
  assertEquals(kinds.commonest(), undefined);
  for (let type = 0x0600; type < 0x1600; type++) kinds.count(1, type);
  kinds.count(1, 0x0601);
  assertEquals(kinds.total, 4097);
  assertEquals(kinds.commonest(), { name: "EtherType 0x0601", packets: 2 });
});

Deno.test("a packet whose version is not the frame's is damaged, as hosts drop it", () => {
  for (const { name, linkType, versions, wrap } of LINKS) {
    // Neither raw packets nor labels say which version follows.
    if (/raw|MPLS/.test(name) && versions.length === 2) continue;
    for (const version of versions) {
      const wrong = version === 4 ? DATAGRAM6 : DATAGRAM;
      const packet = packetOf(wrap(wrong, version), linkType);
      assertEquals(findNetworkHeader(packet), FRAME_DAMAGED, name);
    }
  }
});

Deno.test("512 stacked tags or sixteen labels are walked, no more", () => {
  const tagged = (tags: number) =>
    packetOf(
      concat(MACS, ...new Array(tags).fill(TAG), [0x08, 0x00], DATAGRAM),
      1,
    );
  const labelled = (count: number) =>
    packetOf(concat(MACS, [0x88, 0x47], labels(count), DATAGRAM), 1);
  for (const [stack, most] of [[tagged, 512], [labelled, 16]] as const) {
    assertEquals(findNetworkHeader(stack(most)), 14 + most * 4);
    assertEquals(findNetworkHeader(stack(most + 1)), FRAME_TOO_DEEP);
    assertEquals(counted(stack(most + 1)), { packets: 1, tooDeep: 1 });
  }
});

/** How many bytes stand before the IP header of what a ring holds. */
function skipped(bytes: Bytes): number {
  const packet = packetOf(bytes, LINKTYPE_RAW);
  const { offset, length } = packet;
  packet.originalLength = length;
  skipPriorityTags(packet);
  const count = packet.offset - offset;
  assertEquals(packet.length, length - count);
  assertEquals(packet.originalLength, length - count);
  return count;
}

Deno.test("priority tags before an IP header are passed over, whatever their priority", () => {
  for (const [type, datagram] of [[0x0800, DATAGRAM], [0x86dd, DATAGRAM6]]) {
    const inner = [Number(type) >> 8, Number(type) & 0xff];
    assertEquals(skipped(datagram as Bytes), 0);
    for (let priority = 0; priority < 16; priority++) {
      const tag = [priority << 4, 0];
      const one = concat(tag, inner, datagram as Bytes);
      assertEquals(skipped(one), 4);
      for (const outer of [[0x81, 0x00], [0x88, 0xa8]]) {
        assertEquals(skipped(concat(tag, outer, one)), 8);
      }
    }
  }
});

Deno.test("what only looks like priority tags stays as it is", () => {
  const long = ipv6(concat(tcp(), new Uint8Array(0x6000)));
  long.set([0x60, 0x00, 0x86, 0xdd]);
  const strange: Bytes[] = [
    long, // an IPv6 header whose flow label looks like an EtherType
    concat([0, 1, 0x08, 0], DATAGRAM), // of VLAN 1
    concat([0, 0, 0x81, 0, 0, 1, 0x08, 0], DATAGRAM),
    concat([0, 0, 0x08, 0x06], DATAGRAM), // ARP
    concat([0, 0, 0x81, 0]),
    concat([0, 0, 0x08, 0]),
    concat([0, 0, 0x81]),
    concat([]),
    concat(...new Array(100).fill([0, 0, 0x81, 0])),
  ];
  for (const bytes of strange) assertEquals(skipped(bytes), 0);
});

Deno.test("a PKTAP or PFLOG header that claims an impossible length is damaged", () => {
  for (const length of [0, 39, 109 + DATAGRAM.length, 0xffffffff]) {
    const bytes = concat(pktap(12), DATAGRAM);
    new DataView(bytes.buffer).setUint32(0, length, true);
    assertEquals(findNetworkHeader(packetOf(bytes, 258)), FRAME_DAMAGED);
  }
  for (const length of [0, 60, 255]) {
    const bytes = concat(pflog(61, 2, 0), DATAGRAM);
    bytes[0] = length;
    assertEquals(findNetworkHeader(packetOf(bytes, 117)), FRAME_DAMAGED);
  }
});

Deno.test("NFLOG attributes that lead nowhere are damaged", () => {
  const header = [2, 0, 0, 5];
  const attributes = [
    [0, 0, 1, 0], // no length
    [3, 0, 1, 0],
    [0xff, 0xff, 1, 0], // past the packet
    ...[1, 16, 64].map((count) => new Array(count).fill([4, 0, 7, 0]).flat()),
  ];
  for (const attribute of attributes) {
    const packet = packetOf(concat(header, attribute), 239);
    assertEquals(findNetworkHeader(packet), FRAME_DAMAGED);
  }
  const newer = packetOf(concat([2, 1, 0, 5], DATAGRAM), 239);
  assert(isForeign(findNetworkHeader(newer)));
});
