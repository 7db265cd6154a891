import { HeaderDecoder } from "../../../detect/packet/headers.ts";
import {
  DAMAGED,
  DECODED,
  FRAGMENT,
  IP_PROTOCOL,
  OTHER_PROTOCOL,
  TOO_DEEP,
  UNREADABLE,
} from "../../../detect/packet/outcome.ts";
import {
  DATAGRAM_EMPTY,
  DATAGRAM_UNKNOWN,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  Segment,
} from "../../../detect/packet/segment.ts";
import { LINKTYPE_RAW, TCP_SYN } from "../../../library/packet.ts";
import { assert, assertEquals } from "../../assert.ts";
import { counted, decode, fieldsOf } from "../../decode.ts";
import {
  authentication,
  type Bytes,
  concat,
  extension,
  fragmentHeader,
  FRAGMENTS,
  ipv4,
  ipv6,
  kindsOf,
  NETWORKS,
  NEXT_AUTHENTICATION,
  NEXT_DESTINATION_OPTIONS,
  NEXT_ESP,
  NEXT_FRAGMENT,
  NEXT_HOP_BY_HOP,
  NEXT_NONE,
  NEXT_ROUTING,
  NEXT_SCTP,
  NEXT_TCP,
  NEXT_UDP,
  packetOf,
  sctp,
  SCTP_NETWORKS,
  tcp,
  udp,
} from "../../packets.ts";

const read = (bytes: Uint8Array) => decode(packetOf(bytes, LINKTYPE_RAW));
const outcomeOf = (bytes: Uint8Array) => read(bytes).outcome;

Deno.test("every field of an IPv4 segment is read", () => {
  for (
    const [tos, ttl, flags, port] of [[0, 0, 0, 0], [255, 255, 255, 65_535], [
      0x10,
      37,
      0x29,
      1024,
    ]]
  ) {
    const ports = { sourcePort: port, destinationPort: 65_535 - port };
    assertEquals(fieldsOf(read(ipv4(tcp({ ...ports, flags }), { tos, ttl }))), {
      version: 4,
      ...ports,
      flags,
      tos,
      ttl,
    });
  }
});

Deno.test("traffic class and hop limit of IPv6 stand for TOS and TTL", () => {
  for (const [trafficClass, hopLimit] of [[0, 0], [255, 255], [0x5a, 1]]) {
    const fields = fieldsOf(read(ipv6(tcp(), { trafficClass, hopLimit })));
    assertEquals([fields?.tos, fields?.ttl], [trafficClass, hopLimit]);
  }
});

Deno.test("sequence, acknowledgement and window are read, the numbers as signed", () => {
  for (
    const [sequence, acknowledgement, window] of [
      [0, 0xffffffff, 0],
      [0x80000000, 1, 0xffff],
      [0x12345678, 0x9abcdef0, 0x8001],
    ]
  ) {
    const { segment } = read(ipv4(tcp({ sequence, acknowledgement, window })));
    assertEquals(
      [segment.sequence, segment.acknowledgement, segment.window],
      [sequence | 0, acknowledgement | 0, window],
    );
  }
});

Deno.test("ports and first chunk of SCTP are read, over both IP versions", () => {
  for (const chunk of [0, SCTP_INIT, SCTP_COOKIE_ECHO, 255]) {
    const packet = sctp({ sourcePort: 7, destinationPort: 65_535, chunk });
    for (
      const [version, bytes] of [
        [4, ipv4(packet, { protocol: NEXT_SCTP })],
        [6, ipv6(packet, { next: NEXT_SCTP })],
        [6, ipv6(extension(NEXT_SCTP, packet), { next: NEXT_ROUTING })],
      ] as const
    ) {
      const { outcome, segment } = read(bytes);
      assertEquals(outcome, DECODED);
      assertEquals(
        [segment.version, segment.protocol, segment.flags],
        [version, 132, chunk],
      );
      assertEquals([segment.sourcePort, segment.destinationPort], [7, 65_535]);
    }
  }
});

Deno.test("SCTP leaves nothing of the TCP segment before it", () => {
  const segment = new Segment();
  const decoder = new HeaderDecoder(segment);
  for (
    const bytes of [
      ipv4(tcp({ sequence: 1, acknowledgement: 2, window: 3 })),
      ipv4(sctp(), { protocol: NEXT_SCTP }),
    ]
  ) decoder.decode(new DataView(bytes.buffer), 0, bytes.length);
  const { sequence, acknowledgement, window } = segment;
  assertEquals([sequence, acknowledgement, window], [0, 0, 0]);
});

Deno.test("every truncation of SCTP's headers is damaged", () => {
  for (const { name, link, build } of kindsOf(SCTP_NETWORKS)) {
    const bytes = build();
    for (let length = 0; length < bytes.length; length++) {
      const packet = packetOf(bytes.slice(0, length), link.linkType);
      const { start, outcome } = decode(packet);
      assert(start === -2 || outcome === DAMAGED, `${length} of ${name}`);
    }
    assertEquals(decode(packetOf(bytes, link.linkType)).outcome, DECODED, name);
  }
});

Deno.test("IP versions other than 4 and 6 are damaged", () => {
  for (let version = 0; version < 16; version++) {
    const outcome = outcomeOf(
      concat(ipv4(tcp(), { version }), new Uint8Array(40)),
    );
    if (version !== 4 && version !== 6) assertEquals(outcome, DAMAGED);
  }
});

Deno.test("an IPv4 header length under 20 or past the packet is damaged", () => {
  for (const headerLength of [0, 4, 16]) {
    assertEquals(outcomeOf(ipv4(tcp(), { headerLength })), DAMAGED);
  }
  // 60 bytes claimed, 40 there.
  assertEquals(outcomeOf(ipv4(tcp(), { headerLength: 60 })), DAMAGED);
});

Deno.test("every IPv4 header length from 20 to 60 finds the ports behind it", () => {
  for (let options = 0; options <= 40; options += 4) {
    const bytes = ipv4(tcp({ destinationPort: 7 }), {
      options: new Uint8Array(options).fill(1),
    });
    assertEquals(fieldsOf(read(bytes))?.destinationPort, 7);
  }
});

Deno.test("what is behind the IPv4 total length does not belong to the packet", () => {
  assertEquals(outcomeOf(ipv4(tcp(), { totalLength: 39 })), DAMAGED);
  assertEquals(outcomeOf(ipv4(tcp(), { totalLength: 19 })), DAMAGED);
  assertEquals(outcomeOf(ipv4(tcp(), { totalLength: 40 })), DECODED);
  // Cut off by the snap length: what is there counts.
  assertEquals(outcomeOf(ipv4(tcp(), { totalLength: 65_535 })), DECODED);
});

Deno.test("what is behind the IPv6 payload length does not belong to the packet", () => {
  assertEquals(outcomeOf(ipv6(tcp(), { payloadLength: 19 })), DAMAGED);
  assertEquals(outcomeOf(ipv6(tcp(), { payloadLength: 20 })), DECODED);
  assertEquals(outcomeOf(ipv6(tcp(), { payloadLength: 65_535 })), DECODED);
});

Deno.test("of protocols without ports, the number stands in the port's place", () => {
  const spoken = { 4: [1, 2], 6: [2, 58] } as const;
  for (const version of [4, 6] as const) {
    for (let protocol = 0; protocol < 256; protocol++) {
      if ([6, 17, 132].includes(protocol)) continue;
      const isExtension = [0, 43, 44, 50, 51, 59, 60, 135, 139, 140];
      if (version === 6 && isExtension.includes(protocol)) continue;
      const payload = new Uint8Array(8);
      const { outcome, segment } = read(
        version === 4
          ? ipv4(payload, { protocol })
          : ipv6(payload, { next: protocol }),
      );
      if ((spoken[version] as readonly number[]).includes(protocol)) {
        assertEquals(outcome, OTHER_PROTOCOL, `${protocol}`);
        continue;
      }
      assertEquals(outcome, IP_PROTOCOL, `${protocol}`);
      const { sourcePort, destinationPort, flags } = segment;
      assertEquals(
        [segment.protocol, sourcePort, destinationPort, flags],
        [protocol, 0, protocol, 0],
      );
    }
  }
});

Deno.test("IPv6 headers that nothing readable follows are counted apart", () => {
  for (const next of [NEXT_ESP, NEXT_NONE, 135, 139, 140]) {
    assertEquals(outcomeOf(ipv6(tcp(), { next })), OTHER_PROTOCOL);
    assertEquals(
      counted(packetOf(ipv6(tcp(), { next }), LINKTYPE_RAW)),
      { packets: 1, otherProtocols: 1 },
    );
  }
});

Deno.test("ports and kind of a UDP datagram are read, over both IP versions", () => {
  for (const [length, kind] of [[0, DATAGRAM_EMPTY], [9, DATAGRAM_UNKNOWN]]) {
    const datagram = udp({
      sourcePort: 7,
      destinationPort: 65_535,
      payload: new Uint8Array(length),
    });
    for (
      const bytes of [
        ipv4(datagram, { protocol: NEXT_UDP }),
        ipv4(datagram, { protocol: NEXT_UDP, isMore: true }),
        ipv6(datagram, { next: NEXT_UDP }),
        ipv6(extension(NEXT_UDP, datagram), { next: NEXT_ROUTING }),
      ]
    ) {
      const { outcome, segment } = read(bytes);
      assertEquals([outcome, segment.protocol], [DECODED, NEXT_UDP]);
      const { sourcePort, destinationPort, flags, datagramKind } = segment;
      assertEquals(
        [sourcePort, destinationPort, flags, datagramKind],
        [7, 65_535, 0, kind],
      );
    }
  }
});

Deno.test("a UDP length below its header's is damaged, but for jumbograms", () => {
  for (const length of [0, 1, 7, 8, 65_535]) {
    const datagram = udp({ length });
    const expected = length < 8 ? DAMAGED : DECODED;
    assertEquals(outcomeOf(ipv4(datagram, { protocol: NEXT_UDP })), expected);
    assertEquals(
      outcomeOf(ipv6(datagram, { next: NEXT_UDP })),
      length === 0 ? DECODED : expected,
    );
  }
});

Deno.test("every truncation of a UDP header is damaged", () => {
  for (let length = 0; length < 8; length++) {
    const cut = udp().subarray(0, length);
    assertEquals(outcomeOf(ipv4(cut, { protocol: NEXT_UDP })), DAMAGED);
    assertEquals(outcomeOf(ipv6(cut, { next: NEXT_UDP })), DAMAGED);
  }
});

const HEADERS = [NEXT_HOP_BY_HOP, NEXT_ROUTING, NEXT_DESTINATION_OPTIONS];

/** So many headers of 8 bytes, the last followed by `payload`. */
function chain(count: number, next: number, payload: Bytes): [number, Bytes] {
  for (let i = 0; i < count; i++) {
    payload = extension(next, payload);
    next = HEADERS[i % HEADERS.length];
  }
  return [next, payload];
}

Deno.test("IPv6 extension headers are walked as far as they go", () => {
  for (let count = 0; count <= 250; count += count < 12 ? 1 : 17) {
    const [next, payload] = chain(count, NEXT_TCP, tcp({ destinationPort: 9 }));
    const decoded = read(ipv6(payload, { next }));
    assertEquals(fieldsOf(decoded)?.destinationPort, 9, `${count}`);
  }
});

Deno.test("extension headers are walked on both sides of a fragment header", () => {
  for (const [before, after] of [[7, 0], [0, 30], [30, 0], [20, 20]]) {
    const [first, inside] = chain(after, NEXT_TCP, tcp());
    const fragment = fragmentHeader(first, inside, { isMore: true });
    const [next, payload] = chain(before, NEXT_FRAGMENT, fragment);
    assertEquals(outcomeOf(ipv6(payload, { next })), DECODED);
  }
});

/** What is made of a packet of which only the first bytes were captured. */
function readCut(bytes: Bytes, length: number, originalLength = bytes.length) {
  const packet = packetOf(bytes.slice(0, length), LINKTYPE_RAW);
  packet.originalLength = originalLength;
  return decode(packet);
}

Deno.test("a TCP header is read that was captured as far as its flags", () => {
  const bytes = ipv4(tcp({ destinationPort: 999 }));
  for (let cut = 0; cut < 20; cut++) {
    const { outcome, segment } = readCut(bytes, bytes.length - cut);
    assertEquals(outcome, cut <= 6 ? DECODED : DAMAGED, `${cut}`);
    if (cut > 6) continue;
    assertEquals([segment.destinationPort, segment.flags], [999, TCP_SYN]);
    // Had the packet ended there, its host would not have read it.
    const { length } = bytes.subarray(cut);
    if (cut > 0) assertEquals(readCut(bytes, length, length).outcome, DAMAGED);
  }
});

Deno.test("what was not captured as far as its ports is unreadable, with IPv6 extension headers", () => {
  for (const transport of [tcp(), sctp(), udp()]) {
    const protocol = { 20: NEXT_TCP, 16: NEXT_SCTP, 8: NEXT_UDP }[
      transport.length
    ]!;
    const [next, payload] = chain(3, protocol, transport);
    const bytes = ipv6(payload, { next });
    for (let length = 0; length < bytes.length; length++) {
      const { outcome, segment } = readCut(bytes, length);
      if (length < 41) {
        const isDamaged = outcome === undefined || outcome === DAMAGED ||
          outcome === UNREADABLE && length === 40;
        assert(isDamaged, `${length}`);
        continue;
      }
      // Of TCP all that a rule looks at stands in 14 bytes.
      const isRead = protocol === NEXT_TCP && length >= bytes.length - 6;
      assertEquals(outcome, isRead ? DECODED : UNREADABLE, `${length}`);
      const { sourcePort, destinationPort, flags } = segment;
      if (!isRead) {
        assert(HEADERS.includes(segment.protocol));
        assertEquals([sourcePort, flags], [0, 0]);
      }
      assert(destinationPort >= 0 && destinationPort <= 0xffff);
      // Had the packet ended there, its host would not have read it either.
      assertEquals(readCut(bytes, length, length).outcome, DAMAGED);
      const short = ipv6(payload.subarray(0, length - 40), { next });
      assertEquals(readCut(short, length).outcome, DAMAGED);
      // Nor if it claims to be longer than it is.
      const long = ipv6(payload, { next, payloadLength: payload.length + 1 });
      assertEquals(readCut(long, length).outcome, DAMAGED);
    }
    assertEquals(readCut(bytes, bytes.length).outcome, DECODED);
  }
});

Deno.test("unreadable packets are told apart by what was captured, not by numbers behind the ports", () => {
  const hashes = (make: (i: number) => Bytes, length: number) => {
    const found = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const [next, payload] = chain(2, NEXT_TCP, make(i));
      const { outcome, segment } = readCut(ipv6(payload, { next }), length);
      assertEquals(outcome, UNREADABLE);
      found.add(segment.destinationPort);
    }
    return found.size;
  };
  const ports = (destinationPort: number) => tcp({ destinationPort });
  assert(hashes(ports, 40 + 16 + 4) > 980);
  assertEquals(hashes(ports, 40 + 16), 1);
  assertEquals(hashes((sequence) => tcp({ sequence }), 40 + 16 + 10), 1);
});

Deno.test("extension headers of every length are skipped", () => {
  for (const units of [1, 2, 31, 256]) {
    const bytes = ipv6(
      extension(NEXT_TCP, tcp({ destinationPort: 9 }), units),
      {
        next: NEXT_DESTINATION_OPTIONS,
      },
    );
    assertEquals(fieldsOf(read(bytes))?.destinationPort, 9);
  }
});

Deno.test("authentication headers count in units of 4 bytes (RFC 4302)", () => {
  for (const icv of [4, 12, 16, 20, 64]) {
    const bytes = ipv6(
      authentication(NEXT_TCP, tcp({ destinationPort: 9 }), icv),
      {
        next: NEXT_AUTHENTICATION,
      },
    );
    assertEquals(fieldsOf(read(bytes))?.destinationPort, 9);
  }
});

Deno.test("an extension header that ends past the packet is damaged", () => {
  const payload = extension(NEXT_TCP, tcp());
  payload[1] = 200;
  assertEquals(outcomeOf(ipv6(payload, { next: NEXT_HOP_BY_HOP })), DAMAGED);
  // It is damaged whatever is said to follow it.
  payload[0] = NEXT_UDP;
  assertEquals(outcomeOf(ipv6(payload, { next: NEXT_HOP_BY_HOP })), DAMAGED);
});

Deno.test("an atomic fragment is no fragment (RFC 6946)", () => {
  const bytes = ipv6(fragmentHeader(NEXT_TCP, tcp()), { next: NEXT_FRAGMENT });
  const decoded = read(bytes);
  assertEquals(decoded.outcome, DECODED);
  assertEquals(decoded.fragment.isFragment, false);
});

Deno.test("a fragment inside a fragment is too deep", () => {
  const inner = fragmentHeader(NEXT_TCP, tcp(), { isMore: true });
  const outer = fragmentHeader(NEXT_FRAGMENT, inner, { isMore: true });
  const bytes = ipv6(outer, { next: NEXT_FRAGMENT });
  assertEquals(outcomeOf(bytes), TOO_DEEP);
  assertEquals(
    counted(packetOf(bytes, LINKTYPE_RAW)),
    { packets: 1, fragments: 1, tooDeep: 1 },
  );
});

Deno.test("what a fragment says of itself", () => {
  const payload = tcp().subarray(8, 16);
  const init = { identification: 0xbeef, position: 8, isMore: true };
  const { outcome, fragment } = read(ipv4(payload, init));
  assertEquals(outcome, FRAGMENT);
  assertEquals({ ...fragment }, {
    ...init,
    isFragment: true,
    payload: 20,
    end: 28,
    hasExtensions: false,
    isKept: true,
  });

  const last = { identification: 0x7fffffff, position: 65_520, isMore: false };
  const six = read(
    ipv6(fragmentHeader(NEXT_TCP, payload, last), { next: NEXT_FRAGMENT }),
  );
  assertEquals({ ...six.fragment }, {
    ...last,
    isFragment: true,
    payload: 48,
    end: 56,
    hasExtensions: false,
    isKept: true,
  });
});

Deno.test("a packet after a fragment is no fragment any more", () => {
  const fragment = packetOf(
    ipv4(tcp().subarray(8), { position: 8 }),
    LINKTYPE_RAW,
  );
  const whole = packetOf(ipv4(tcp()), LINKTYPE_RAW);
  assertEquals(
    counted(fragment, whole),
    { packets: 2, fragments: 1, segments: 1 },
  );
});

Deno.test("every truncation of every kind of packet is damaged, the whole is not", () => {
  let packets = 0;
  for (const { name, link, build } of kindsOf(NETWORKS)) {
    const bytes = build();
    for (let length = 0; length < bytes.length; length++) {
      // Alone in its buffer: whoever reads past the end gets an exception.
      const packet = packetOf(bytes.slice(0, length), link.linkType);
      const { start, outcome } = decode(packet);
      assert(
        start === -2 || outcome === DAMAGED,
        `${length} of ${bytes.length} bytes of ${name}: ${start}, ${outcome}`,
      );
      packets++;
    }
    assertEquals(decode(packetOf(bytes, link.linkType)).outcome, DECODED, name);
  }
  assert(packets > 10_000);
});

Deno.test("every truncation of every kind of fragment is damaged or a fragment", () => {
  for (const { name, link, build } of kindsOf(FRAGMENTS)) {
    const bytes = build();
    const header = bytes.length - (20 - Number(/byte (\d+)/.exec(name)?.[1]));
    for (let length = 0; length <= bytes.length; length++) {
      const packet = packetOf(bytes.slice(0, length), link.linkType);
      const { start, outcome } = decode(packet);
      if (length < header) {
        assert(start === -2 || outcome === DAMAGED, `${length} of ${name}`);
      } else if (length === bytes.length && name.includes("byte 0 ")) {
        assertEquals(outcome, DECODED, name);
      } else assertEquals(outcome, FRAGMENT, `${length} of ${name}`);
    }
  }
});

Deno.test("a truncated packet is counted once, as damaged", () => {
  const bytes = ipv4(tcp());
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(
      counted(packetOf(bytes.slice(0, length), LINKTYPE_RAW)),
      { packets: 1, damaged: 1 },
    );
  }
});
