/** ICMP errors: what they quote, and what the quoted datagram looks like. */

import { HeaderDecoder } from "../../../detect/packet/headers.ts";
import {
  DAMAGED,
  IP_PROTOCOL,
  OTHER_PROTOCOL,
  REFUSAL,
} from "../../../detect/packet/outcome.ts";
import {
  DATAGRAM_EMPTY,
  DATAGRAM_REPLY,
  DATAGRAM_UNKNOWN,
  type DatagramKind,
  SCTP_INIT,
  Segment,
  UNKNOWN_FLAGS,
} from "../../../detect/packet/segment.ts";
import { DIRECTION_OUT, LINKTYPE_RAW } from "../../../library/packet.ts";
import { assert, assertEquals } from "../../assert.ts";
import { decode } from "../../decode.ts";
import {
  type Bytes,
  concat,
  DESTINATION,
  DESTINATION6,
  DESTINATION_PORT,
  extension,
  fragmentHeader,
  icmpUnreachable,
  ipv4,
  ipv6,
  kindsOf,
  NEXT_FRAGMENT,
  NEXT_HOP_BY_HOP,
  NEXT_ICMPV6,
  NEXT_ROUTING,
  NEXT_SCTP,
  NEXT_TCP,
  NEXT_UDP,
  packetOf,
  quoting,
  sctp,
  SOURCE,
  SOURCE6,
  SOURCE_PORT,
  START,
  tcp,
  udp,
} from "../../packets.ts";

const read = (bytes: Uint8Array) => decode(packetOf(bytes, LINKTYPE_RAW));

/** An error that quotes these bytes, whatever they are. */
function refuse(
  version: 4 | 6,
  quoted: Uint8Array,
  init: { type?: number; code?: number } = {},
): Bytes {
  const icmp = icmpUnreachable(quoted, { version, ...init });
  return version === 4
    ? ipv4(icmp, { protocol: 1, source: DESTINATION, destination: SOURCE })
    : ipv6(icmp, {
      next: NEXT_ICMPV6,
      source: DESTINATION6,
      destination: SOURCE6,
    });
}

/** A packet of that version with these bytes of transport header. */
function probe(version: 4 | 6, protocol: number, transport: Uint8Array): Bytes {
  return version === 4
    ? ipv4(transport, { protocol, tos: 8, ttl: 37 })
    : ipv6(transport, { next: protocol, trafficClass: 8, hopLimit: 37 });
}

const VERSIONS = [4, 6] as const;
const TRANSPORTS: readonly [protocol: number, bytes: Bytes][] = [
  [NEXT_TCP, tcp()],
  [NEXT_UDP, udp()],
  [NEXT_SCTP, sctp()],
];

function addressesOf(s: Segment): number[] {
  return [
    ...[s.source0, s.source1, s.source2, s.source3],
    ...[s.destination0, s.destination1, s.destination2, s.destination3],
  ];
}

const ENDS = new Map(
  ([[4, SOURCE, DESTINATION], [6, SOURCE6, DESTINATION6]] as const).map((
    [version, source, destination],
  ) => [
    version,
    Segment.from({
      ...{ source, destination, sourcePort: 0, destinationPort: 0 },
      ...{ flags: 0, time: 0 },
    }),
  ]),
);

/** Types and codes; an IP protocol that is none is a parameter problem of IPv6. */
const REFUSALS = {
  4: [[3, 2], [3, 3], [3, 9], [3, 10], [3, 13]],
  6: [[1, 1], [1, 4], [1, 5], [1, 6], [4, 1]],
};

for (const version of VERSIONS) {
  Deno.test(`of all types and codes of ICMP over IPv${version}, these refuse`, () => {
    const quoted = probe(version, NEXT_UDP, udp());
    const refusing: number[][] = [];
    for (let type = 0; type < 256; type++) {
      for (let code = 0; code < 256; code++) {
        const { outcome } = read(refuse(version, quoted, { type, code }));
        if (outcome === REFUSAL) refusing.push([type, code]);
        else assertEquals(outcome, OTHER_PROTOCOL);
      }
    }
    assertEquals(refusing, REFUSALS[version]);
  });

  Deno.test(`ICMP of the other IP version is another protocol than IPv${version}'s`, () => {
    const icmp = icmpUnreachable(probe(version, NEXT_TCP, tcp()), { version });
    const bytes = version === 4
      ? ipv4(icmp, { protocol: NEXT_ICMPV6 })
      : ipv6(icmp, { next: 1 });
    assertEquals(read(bytes).outcome, IP_PROTOCOL);
  });

  Deno.test(`a quote of the other IP version than IPv${version} is damaged`, () => {
    const other = probe(version === 4 ? 6 : 4, NEXT_TCP, tcp());
    const { outcome } = read(
      refuse(version, concat(other, new Uint8Array(40))),
    );
    assertEquals(outcome, DAMAGED);
  });

  Deno.test(`the error keeps its ends and moment, the quote has its own ends (IPv${version})`, () => {
    for (const [protocol, transport] of TRANSPORTS) {
      const packet = packetOf(
        refuse(version, probe(version, protocol, transport)),
        LINKTYPE_RAW,
        START + 7,
      );
      packet.wallTime = START + 9;
      packet.direction = DIRECTION_OUT;
      packet.interfaceIndex = 3;
      const { outcome, segment, quoted } = decode(packet);
      assertEquals(outcome, REFUSAL);
      assertEquals(segment.protocol, version === 4 ? 1 : 58);
      const ends = addressesOf(ENDS.get(version)!);
      assertEquals(addressesOf(quoted), ends);
      assertEquals(
        addressesOf(segment),
        [...ends.slice(4), ...ends.slice(0, 4)],
      );
      for (
        const { time, wallTime, direction, interfaceIndex } of [
          segment,
          quoted,
        ]
      ) {
        assertEquals(
          [time, wallTime, direction, interfaceIndex],
          [START + 7, START + 9, DIRECTION_OUT, 3],
        );
      }
      assertEquals(
        [quoted.version, quoted.protocol, quoted.tos, quoted.ttl],
        [version, protocol, 8, 37],
      );
      assertEquals(
        [quoted.sourcePort, quoted.destinationPort],
        [SOURCE_PORT, DESTINATION_PORT],
      );
    }
  });

  Deno.test(`a quote of TCP tells what it reaches (IPv${version})`, () => {
    const segment = tcp({
      ...{ sequence: 0x80000001, acknowledgement: 0x90000002 },
      ...{ window: 0x8003, flags: 0x29 },
    });
    for (let length = 0; length <= segment.length; length++) {
      const cut = segment.subarray(0, length);
      const { outcome, quoted } = read(
        refuse(version, probe(version, NEXT_TCP, cut)),
      );
      assertEquals(outcome, length < 8 ? DAMAGED : REFUSAL, `${length}`);
      if (length < 8) continue;
      const { sequence, acknowledgement, flags, window } = quoted;
      assertEquals([sequence, acknowledgement, flags, window], [
        0x80000001 | 0,
        length < 12 ? 0 : 0x90000002 | 0,
        length < 14 ? UNKNOWN_FLAGS : 0x29,
        length < 16 ? 0 : 0x8003,
      ]);
    }
  });

  Deno.test(`a quote of SCTP tells its chunk if it reaches it (IPv${version})`, () => {
    for (let length = 0; length <= sctp().length; length++) {
      const cut = sctp().subarray(0, length);
      const { outcome, quoted } = read(
        refuse(version, probe(version, NEXT_SCTP, cut)),
      );
      assertEquals(outcome, length < 8 ? DAMAGED : REFUSAL, `${length}`);
      if (length < 8) continue;
      assertEquals(quoted.flags, length < 13 ? UNKNOWN_FLAGS : SCTP_INIT);
    }
  });

  Deno.test(`a quote of a protocol without ports tells its number (IPv${version})`, () => {
    // ICMP, IGMP, and what follows IPv6 extension headers only.
    const spoken = version === 4
      ? [1, 2]
      : [2, 50, 58, 59, 135, 139, 140, 0, 43, 44, 51, 60];
    for (let protocol = 0; protocol < 256; protocol++) {
      const isExtension = [0, 43, 44, 51, 60].includes(protocol);
      if (version === 6 && isExtension) continue;
      const bytes = refuse(version, probe(version, protocol, tcp()));
      const { outcome, quoted } = read(bytes);
      const isSpoken = spoken.includes(protocol);
      const expected = isSpoken ? OTHER_PROTOCOL : REFUSAL;
      assertEquals(outcome, expected, `${protocol}`);
      if (isSpoken || [6, 17, 132].includes(protocol)) continue;
      assertEquals(
        [quoted.protocol, quoted.sourcePort, quoted.destinationPort],
        [protocol, 0, protocol],
      );
    }
  });

  Deno.test(`an error in fragments is not looked at (IPv${version})`, () => {
    const icmp = icmpUnreachable(probe(version, NEXT_TCP, tcp()), { version });
    const bytes = version === 4
      ? ipv4(icmp, { protocol: 1, isMore: true })
      : ipv6(fragmentHeader(NEXT_ICMPV6, icmp, { isMore: true }), {
        next: NEXT_FRAGMENT,
      });
    const { outcome, fragment } = read(bytes);
    assertEquals([outcome, fragment.isFragment], [OTHER_PROTOCOL, true]);
  });
}

Deno.test("every truncation of an error is damaged until the quote holds the ports", () => {
  let refusals = 0;
  for (const [protocol, transport] of TRANSPORTS) {
    for (const kind of kindsOf(quoting(transport, protocol))) {
      const { name, link } = kind;
      const bytes = kind.build();
      const needed = bytes.length - transport.length + 8;
      for (let length = 0; length <= bytes.length; length++) {
        // Alone in its buffer: whoever reads past the end gets an exception.
        const packet = packetOf(bytes.slice(0, length), link.linkType);
        const { start, outcome, quoted } = decode(packet);
        if (length < needed) {
          assert(start === -2 || outcome === DAMAGED, `${length} of ${name}`);
          continue;
        }
        assertEquals(outcome, REFUSAL, `${length} of ${name}`);
        assertEquals(quoted.destinationPort, DESTINATION_PORT);
        refusals++;
      }
    }
  }
  assert(refusals > 1000);
});

Deno.test("of quoted fragments only the first has ports", () => {
  for (const position of [0, 8, 65_528]) {
    const expected = position === 0 ? REFUSAL : OTHER_PROTOCOL;
    for (const isMore of [true, false]) {
      const four = ipv4(tcp(), { position, isMore });
      assertEquals(read(refuse(4, four)).outcome, expected);
      const six = ipv6(fragmentHeader(NEXT_TCP, tcp(), { position, isMore }), {
        next: NEXT_FRAGMENT,
      });
      const { outcome, fragment } = read(refuse(6, six));
      assertEquals(outcome, expected);
      assertEquals(fragment.isFragment, false); // the error itself is whole
    }
  }
});

Deno.test("the quoted total length is that of the packet before it was cut", () => {
  for (const length of [0, 20, 28, 1500, 65_535]) {
    const four = ipv4(udp(), { protocol: 17, totalLength: length });
    assertEquals(read(refuse(4, four)).outcome, REFUSAL);
    const six = ipv6(udp(), { next: NEXT_UDP, payloadLength: length });
    assertEquals(read(refuse(6, six)).outcome, REFUSAL);
  }
});

Deno.test("a quoted IPv4 header length under 20 or past the quote is damaged", () => {
  for (const headerLength of [0, 4, 16, 60]) {
    const { outcome } = read(refuse(4, ipv4(tcp(), { headerLength })));
    assertEquals(outcome, DAMAGED, `${headerLength}`);
  }
});

Deno.test("quoted extension headers are walked as far as they go", () => {
  let payload = tcp();
  let next = NEXT_TCP;
  for (let count = 0; count <= 100; count++) {
    const { outcome } = read(refuse(6, ipv6(payload, { next })));
    assertEquals(outcome, REFUSAL);
    payload = extension(next, payload);
    next = count % 2 === 0 ? NEXT_ROUTING : NEXT_HOP_BY_HOP;
  }
});

Deno.test("the extension headers of error and quote are counted apart", () => {
  let quoted = tcp();
  let next = NEXT_TCP;
  const wrapAll = () => {
    for (let i = 0; i < 8; i++) {
      quoted = extension(next, quoted);
      next = NEXT_ROUTING;
    }
  };
  wrapAll();
  quoted = icmpUnreachable(ipv6(quoted, { next }), { version: 6 });
  next = NEXT_ICMPV6;
  wrapAll();
  assertEquals(read(ipv6(quoted, { next })).outcome, REFUSAL);
});

// Kinds of UDP datagrams.

/** What the decoder says of a datagram from `sourcePort` to `destinationPort`. */
function kindOf(
  sourcePort: number,
  destinationPort: number,
  payload: ArrayLike<number>,
  { length, held = Infinity }: { length?: number; held?: number } = {},
): DatagramKind {
  const datagram = udp({ sourcePort, destinationPort, payload, length });
  const cut = datagram.subarray(0, Math.min(8 + held, datagram.length));
  const kinds = VERSIONS.map((version) => {
    const decoded = read(refuse(version, probe(version, NEXT_UDP, cut)));
    assertEquals([decoded.outcome, decoded.quoted.flags], [REFUSAL, 0]);
    return decoded.quoted.datagramKind;
  });
  assertEquals(kinds[0], kinds[1]);
  return kinds[0];
}

/** A payload that begins with these bytes. */
function payload(length: number, ...bytes: number[]): Bytes {
  return concat(bytes, new Uint8Array(length - bytes.length));
}

const ANSWER = payload(40, 0x12, 0x34, 0x81, 0x80);
const QUERY = payload(40, 0x12, 0x34, 0x01, 0x00);

Deno.test("a datagram without payload is empty, whatever its ports", () => {
  for (const [source, destination] of [[53, 53], [40_000, 22], [5, 40_000]]) {
    assertEquals(kindOf(source, destination, []), DATAGRAM_EMPTY);
  }
  // Padding is no payload, and a length that cannot be means nothing.
  assertEquals(kindOf(53, 22, ANSWER, { length: 8 }), DATAGRAM_EMPTY);
  assertEquals(kindOf(53, 22, ANSWER, { length: 0 }), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(53, 22, ANSWER, { length: 7 }), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(53, 22, [0]), DATAGRAM_UNKNOWN);
});

Deno.test("an answer from port 53 is a reply to any port", () => {
  for (const port of [1, 53, 1023, 1024, 65_535]) {
    assertEquals(kindOf(53, port, ANSWER), DATAGRAM_REPLY);
  }
});

Deno.test("source port 53 alone is no reply, and an answer from elsewhere neither", () => {
  assertEquals(kindOf(53, 2000, QUERY), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(54, 2000, ANSWER), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(2000, 53, ANSWER), DATAGRAM_UNKNOWN);
  // Shorter than a DNS header; then cut before the bit that tells.
  assertEquals(kindOf(53, 2000, ANSWER.slice(0, 11)), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(53, 2000, ANSWER.slice(0, 12)), DATAGRAM_REPLY);
  assertEquals(kindOf(53, 2000, ANSWER, { held: 2 }), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(53, 2000, ANSWER, { held: 3 }), DATAGRAM_REPLY);
});

Deno.test("version 2 of RTP to a port from 1024 on is a reply", () => {
  for (let first = 0; first < 256; first++) {
    const isRtp = first >= 0x80 && first <= 0xbf;
    const kind = kindOf(30_000, 1024, payload(12, first));
    assertEquals(kind, isRtp ? DATAGRAM_REPLY : DATAGRAM_UNKNOWN, `${first}`);
    assertEquals(kindOf(30_000, 1023, payload(12, first)), DATAGRAM_UNKNOWN);
    assertEquals(kindOf(30_000, 1024, payload(11, first)), DATAGRAM_UNKNOWN);
  }
  assertEquals(
    kindOf(1, 1024, payload(12, 0x80), { held: 0 }),
    DATAGRAM_UNKNOWN,
  );
  assertEquals(kindOf(1, 1024, payload(12, 0x80), { held: 1 }), DATAGRAM_REPLY);
});

Deno.test("STUN and DTLS to a port from 1024 on are replies, too", () => {
  const stun = payload(20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42);
  const dtls = payload(20, 23, 0xfe, 0xfd);
  for (const late of [stun, dtls]) {
    assertEquals(kindOf(30_000, 1024, late), DATAGRAM_REPLY);
    assertEquals(kindOf(30_000, 1023, late), DATAGRAM_UNKNOWN);
  }
  assertEquals(kindOf(1, 1024, stun, { held: 7 }), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(1, 1024, stun, { held: 8 }), DATAGRAM_REPLY);
  assertEquals(kindOf(1, 1024, stun.with(5, 0)), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(1, 1024, dtls, { held: 1 }), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(1, 1024, dtls, { held: 2 }), DATAGRAM_REPLY);
  assertEquals(kindOf(1, 1024, dtls.with(1, 3)), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(1, 1024, dtls.with(0, 64)), DATAGRAM_UNKNOWN);
});

Deno.test("a long datagram from a service to a port from 1024 on is a reply", () => {
  for (const port of [1900, 11_211, 32_767]) {
    assertEquals(kindOf(port, 1024, payload(256), { held: 0 }), DATAGRAM_REPLY);
    assertEquals(kindOf(port, 1024, payload(255)), DATAGRAM_UNKNOWN);
    assertEquals(kindOf(port, 1023, payload(256)), DATAGRAM_UNKNOWN);
  }
  assertEquals(kindOf(32_768, 1024, payload(1400)), DATAGRAM_UNKNOWN);
});

Deno.test("an answer of an RPC server is a reply to a reserved port only", () => {
  const answer = payload(24, 1, 2, 3, 4, 0, 0, 0, 1);
  const call = payload(24, 1, 2, 3, 4, 0, 0, 0, 0);
  for (const port of [512, 1023]) {
    assertEquals(kindOf(111, port, answer), DATAGRAM_REPLY);
    assertEquals(kindOf(111, port, call), DATAGRAM_UNKNOWN);
  }
  for (const port of [511, 1024]) {
    assertEquals(kindOf(111, port, answer), DATAGRAM_UNKNOWN);
  }
  for (const at of [4, 5, 6, 7]) {
    assertEquals(kindOf(111, 700, answer.with(at, 2)), DATAGRAM_UNKNOWN);
  }
  // Shorter than a rejection; then cut inside the field that tells.
  assertEquals(kindOf(111, 700, answer.slice(0, 19)), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(111, 700, answer.slice(0, 20)), DATAGRAM_REPLY);
  assertEquals(kindOf(111, 700, answer, { held: 7 }), DATAGRAM_UNKNOWN);
  assertEquals(kindOf(111, 700, answer, { held: 8 }), DATAGRAM_REPLY);
});

Deno.test("what is no UDP has no kind, also after a datagram that has one", () => {
  const decoder = new HeaderDecoder(new Segment());
  const kinds = [udp(), tcp(), udp(), sctp()].map((transport, i) => {
    const protocol = [NEXT_UDP, NEXT_TCP, NEXT_UDP, NEXT_SCTP][i];
    const bytes = refuse(4, probe(4, protocol, transport));
    decoder.decode(new DataView(bytes.buffer), 0, bytes.length);
    return decoder.quoted.datagramKind;
  });
  assertEquals(
    kinds,
    [DATAGRAM_EMPTY, DATAGRAM_UNKNOWN, DATAGRAM_EMPTY, DATAGRAM_UNKNOWN],
  );
});
