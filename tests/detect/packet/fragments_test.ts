import { AddressSet, Detector, type Packet, type Scan } from "../../../mod.ts";
import { LINKTYPE_RAW } from "../../../library/packet.ts";
import { HeaderReassembler } from "../../../detect/packet/fragments.ts";
import { FragmentInfo } from "../../../detect/packet/fragment.ts";
import { Segment } from "../../../detect/packet/segment.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertThrows,
} from "../../assert.ts";
import { counted } from "../../decode.ts";
import {
  type Bytes,
  concat,
  cut,
  DESTINATION,
  extension,
  fragmentHeader,
  ipv4,
  ipv6,
  NEXT_DESTINATION_OPTIONS,
  NEXT_FRAGMENT,
  NEXT_HOP_BY_HOP,
  NEXT_TCP,
  NEXT_UDP,
  packetOf,
  type Piece,
  sctp,
  tcp,
} from "../../packets.ts";
import { below, pick, seeded, shuffled } from "../../random.ts";
import { portsFrom, SEVEN, START } from "../../watch.ts";

/** What a reassembler makes of these pieces of one datagram. */
function headersOf(protocol: number, pieces: readonly Piece[]): number[][] {
  const headers: number[][] = [];
  const reassembler = new HeaderReassembler(
    seeded(1),
    (protocol, header) =>
      headers.push([protocol, header.getUint16(2), header.getUint8(12)]),
    32,
  );
  const segment = new Segment();
  segment.protocol = protocol;
  for (const { position, isMore, bytes } of pieces) {
    const fragment = Object.assign(new FragmentInfo(), {
      isFragment: true,
      position,
      isMore,
      end: bytes.length,
    });
    reassembler.add(segment, fragment, new DataView(bytes.buffer));
  }
  return headers;
}

Deno.test("SCTP's headers are whole with the first 16 bytes", () => {
  const pieces = cut(sctp({ destinationPort: 7, payload: new Uint8Array(16) }));
  const header = [132, 7, 1];
  assertEquals(headersOf(132, pieces.slice(0, 1)), []);
  assertEquals(headersOf(132, pieces.slice(0, 2)), [header]);
  assertEquals(headersOf(132, pieces), [header]); // not told twice
  assertEquals(headersOf(132, pieces.toReversed()), [header]);
  // TCP's header has 20.
  assertEquals(headersOf(6, pieces.slice(0, 2)), []);
  assertEquals(headersOf(6, pieces.slice(0, 3)).length, 1);
});

interface Stamp {
  identification?: number;
  source?: string;
  time?: number;
}

/** A way to send a piece of a TCP segment. */
type Sender = (piece: Piece, stamp?: Stamp) => Packet;

const send4: Sender = ({ bytes, ...piece }, { time = 0, ...stamp } = {}) =>
  packetOf(ipv4(bytes, { ...piece, ...stamp }), LINKTYPE_RAW, START + time);

const send6: Sender = ({ bytes, ...piece }, stamp = {}) => {
  const { identification, source, time = 0 } = stamp;
  const payload = fragmentHeader(NEXT_TCP, bytes, { ...piece, identification });
  const init = { next: NEXT_FRAGMENT, ...(source ? { source } : {}) };
  return packetOf(ipv6(payload, init), LINKTYPE_RAW, START + time);
};

const SENDERS: readonly [name: string, Sender][] = [
  ["IPv4", send4],
  ["IPv6", send6],
];

/** The scans found in some packets. */
function scansOf(packets: Iterable<Packet>, options: object = {}): Scan[] {
  const scans: Scan[] = [];
  const detector = new Detector(
    (report) => report.type === "scan" && scans.push(report),
    { random: seeded(1), sources: 65_536, classic: true, ...options },
  );
  for (const packet of packets) detector.packet(packet);
  return scans;
}

/** Every port that was decoded from some packets of one source, sorted. */
function portsSeen(packets: readonly Packet[]): number[] {
  // A rule that holds 99 ports, and 100 whole packets that make it report.
  const fillers = portsFrom(900, 100).map((destinationPort) => {
    const segment = tcp({ destinationPort });
    const isIpv4 = packets[0].view.getUint8(0) >>> 4 === 4;
    const bytes = isIpv4 ? ipv4(segment) : ipv6(segment);
    return packetOf(bytes, LINKTYPE_RAW, START);
  });
  const options = { minPorts: 100, privilegedWeight: 255, sources: 16 };
  const [{ ports }] = scansOf([...packets, ...fillers], options);
  return ports.filter((port) => port < 900 || port > 999)
    .sort((a, b) => a - b);
}

/** A SYN scan of seven ports, each probe cut into 8-byte fragments. */
function cutScan(send: Sender): Packet[][] {
  return SEVEN.map((destinationPort, i) =>
    cut(tcp({ destinationPort })).map((piece) =>
      send(piece, { identification: 1000 + i, time: i * 10 })
    )
  );
}

function assertFound(scans: Scan[]): void {
  assertEquals(scans.length, 1);
  const [{ ports, completingPort, sourcePort, flagsAlwaysSet }] = scans;
  assertEquals([...ports, completingPort].sort((a, b) => a - b), [...SEVEN]);
  assertEquals([sourcePort, flagsAlwaysSet], [40_000, 2]);
}

for (const [name, send] of SENDERS) {
  Deno.test(`${name}: a scan in 8-byte fragments is found`, () => {
    assertFound(scansOf(cutScan(send).flat()));
  });

  Deno.test(`${name}: all but the last of them is not enough`, () => {
    assertEquals(scansOf(cutScan(send).flat().slice(0, -1)), []);
  });

  Deno.test(`${name}: the fragments may come in reverse`, () => {
    assertFound(scansOf(cutScan(send).flatMap((probe) => probe.reverse())));
  });

  Deno.test(`${name}: the fragments of all probes may be shuffled`, () => {
    for (let seed = 0; seed < 20; seed++) {
      const fragments = shuffled(seeded(seed), cutScan(send).flat());
      // All at one time: else the clock would go backwards.
      for (const packet of fragments) packet.time = START;
      assertFound(scansOf(fragments));
    }
  });

  Deno.test(`${name}: the fragments may come twice`, () => {
    assertFound(scansOf(cutScan(send).flat().flatMap((p) => [p, p])));
    const twice = cutScan(send).flatMap((probe) => [...probe, ...probe]);
    assertFound(scansOf(twice));
  });

  Deno.test(`${name}: duplicates count nothing twice`, () => {
    const probe = cutScan(send)[0];
    const { segments } = counted(...probe, ...probe, ...probe);
    assertEquals(segments, 1);
  });

  Deno.test(`${name}: cuts of 8 and 16 bytes, and longer segments`, () => {
    const options = new Uint8Array(40).fill(1);
    for (const size of [8, 16, 24, 32]) {
      const probes = SEVEN.flatMap((destinationPort, i) =>
        cut(concat(tcp({ destinationPort, options }), options), size)
          .map((piece) => send(piece, { identification: i }))
      );
      assertFound(scansOf(probes));
      assertFound(scansOf(probes.reverse()));
    }
  });

  Deno.test(`${name}: found amid 10,000 unrelated fragments`, () => {
    const random = seeded(3);
    const own = shuffled(random, cutScan(send).flat());
    const packets: Packet[] = [];
    const unrelated = () => {
      const pieces = cut(tcp({ destinationPort: below(random, 65_536) }));
      const number = 2 + below(random, 200);
      const [sender, source] = pick(
        random,
        [[send4, `192.0.2.${number}`], [send6, `2001:db8:0:${number}::7`]],
      ) as [Sender, string];
      return sender(pick(random, pieces), {
        identification: random() & 0xffff,
        source,
      });
    };
    for (let i = 0; i < 10_000; i++) {
      // Spread over the whole of the scan.
      if (i % 480 === 0 && own.length > 0) packets.push(own.pop()!);
      packets.push(unrelated());
    }
    assertEquals(own, []);
    for (const packet of packets) packet.time = START;
    const isOurs = ({ source }: Scan) =>
      source === (send === send4 ? "192.0.2.1" : "2001:db8:0:1::7");
    assertFound(
      scansOf(packets, { logBurst: 0, ipv6Prefix: 128 }).filter(isOurs),
    );
  });

  Deno.test(`${name}: a fragment that holds the whole header counts at once`, () => {
    const first = (destinationPort: number, i: number) =>
      send({ position: 0, isMore: true, bytes: tcp({ destinationPort }) }, {
        identification: i,
      });
    assertFound(scansOf(SEVEN.map(first)));
  });

  Deno.test(`${name}: a fragment waits for 30 s, no longer, and not for the past`, () => {
    const segments = (time: number) => {
      const [a, b, c] = cut(tcp());
      return counted(send(a), send(b), send(c, { time })).segments;
    };
    assertEquals(
      [0, 29_999, 30_000, 30_001, 60_000, -1].map(segments),
      [1, 1, 1, undefined, undefined, undefined],
    );
  });

  Deno.test(`${name}: the 30 s start with the first fragment and are not renewed`, () => {
    const [a, b, c] = cut(tcp());
    const late = [
      send(a),
      send(b, { time: 20_000 }),
      send(c, { time: 40_000 }),
    ];
    assertEquals(counted(...late).segments, undefined);
  });

  Deno.test(`${name}: fragments of different datagrams are not mixed`, () => {
    const [a, b, c] = cut(tcp());
    const mixed = [
      send(a, { identification: 1 }),
      send(b, { identification: 2 }),
      send(c, { identification: 1 }),
    ];
    assertEquals(counted(...mixed).segments, undefined);
    const source = send === send4 ? "192.0.2.99" : "2001:db8::99";
    const sources = [send(a), send(b, { source }), send(c)];
    assertEquals(counted(...sources).segments, undefined);
    assertEquals(counted(...sources, send(b)).segments, 1);
  });

  Deno.test(`${name}: a fragment too short to hold a unit is of no use, and no harm`, () => {
    const [a, b, c] = cut(tcp());
    const short = { ...b, bytes: b.bytes.slice(0, 7) };
    assertEquals(counted(send(a), send(short), send(c)).segments, undefined);
    assertEquals(counted(send(a), send(short), send(c), send(b)).segments, 1);
    const empty = { ...b, bytes: new Uint8Array(0) };
    assertEquals(counted(send(a), send(empty), send(c)).segments, undefined);
  });

  Deno.test(`${name}: fragments behind the header are of no use, and no harm`, () => {
    const far = [24, 32, 1480, 65_528].map((position) =>
      send({ position, isMore: true, bytes: tcp() })
    );
    assertEquals(counted(...far).segments, undefined);
    assertEquals(
      counted(...far, ...cut(tcp()).map((p) => send(p))).segments,
      1,
    );
  });

  // An overlap: two fragments claim the same bytes, and say different things.

  const whole = (destinationPort: number): Piece => ({
    position: 0,
    isMore: true,
    bytes: tcp({ destinationPort, options: [1, 1, 1, 1] }),
  });
  const rewrite = (destinationPort: number): Piece => ({
    position: 0,
    isMore: true,
    bytes: tcp({ destinationPort }).slice(0, 8),
  });

  Deno.test(`${name}: an overlap that rewrites the ports hides neither version`, () => {
    const orders = [
      [whole(80), rewrite(23)],
      [rewrite(23), whole(80)],
      [...cut(tcp({ destinationPort: 80 })), rewrite(23)],
      [rewrite(23), ...cut(tcp({ destinationPort: 80 }))],
    ];
    for (const pieces of orders) {
      assertEquals(portsSeen(pieces.map((piece) => send(piece))), [23, 80]);
    }
  });

  Deno.test(`${name}: an overlap attack on seven ports names the seven`, () => {
    const packets = SEVEN.flatMap((port, identification) =>
      [whole(8080), rewrite(port)].map((p) => send(p, { identification }))
    );
    const [{ ports, completingPort }] = scansOf(packets);
    assertEquals(
      [...ports, completingPort].sort((a, b) => a - b),
      [...SEVEN, 8080],
    );
  });

  Deno.test(`${name}: a further version is kept, however many there were`, () => {
    const ports = portsFrom(100, 40);
    const pieces = [whole(80), ...ports.map(rewrite)];
    assertEquals(portsSeen(pieces.map((p) => send(p))), [80, ...ports]);
  });

  Deno.test(`${name}: an overlap that rewrites the flags shows both`, () => {
    const second = tcp({ flags: 0x29 }).slice(8, 16);
    const packets = SEVEN.flatMap((port, identification) =>
      [whole(port), { position: 8, isMore: true, bytes: second }]
        .map((p) => send(p, { identification }))
    );
    const [{ flagsAlwaysSet, flagsEverSet }] = scansOf(packets);
    assertEquals([flagsAlwaysSet, flagsEverSet], [0, 0x02 | 0x29]);
  });
}

Deno.test("IPv4 fragments of another protocol with the same number stay apart", () => {
  const [a, b, c] = cut(tcp());
  const udp = packetOf(ipv4(b.bytes, { ...b, protocol: 17 }), LINKTYPE_RAW);
  assertEquals(counted(send4(a), udp, send4(c)).segments, undefined);
});

Deno.test("a UDP datagram in fragments is one segment: its ports stand in the first", () => {
  const udp = cut(tcp()).map(({ bytes, ...piece }) =>
    packetOf(
      ipv6(fragmentHeader(NEXT_UDP, bytes, piece), { next: NEXT_FRAGMENT }),
      LINKTYPE_RAW,
    )
  );
  assertEquals(counted(...udp).segments, 1);
  assertEquals(counted(...udp.reverse()).segments, 1);
});

Deno.test("IPv6: only the first fragment's next header matters (RFC 8200, 4.5)", () => {
  const [a, b, c] = cut(tcp());
  const later = [b, c].map(({ bytes, ...piece }) =>
    packetOf(
      ipv6(fragmentHeader(255, bytes, piece), { next: NEXT_FRAGMENT }),
      LINKTYPE_RAW,
    )
  );
  assertEquals(counted(send6(a), ...later).segments, 1);
});

/** Probes whose fragments hold extension headers before the TCP header. */
function behindExtensions(size: number): Packet[] {
  return SEVEN.flatMap((destinationPort, identification) => {
    const inner = extension(NEXT_TCP, tcp({ destinationPort }), 2);
    const part = extension(NEXT_DESTINATION_OPTIONS, inner);
    return cut(concat(part, new Uint8Array(64)), size).map(
      ({ bytes, ...piece }) => {
        const init = { ...piece, identification };
        const payload = fragmentHeader(NEXT_HOP_BY_HOP, bytes as Bytes, init);
        return packetOf(ipv6(payload, { next: NEXT_FRAGMENT }), LINKTYPE_RAW);
      },
    );
  });
}

Deno.test("IPv6: a first fragment with extension headers and the whole TCP header counts", () => {
  assertFound(scansOf(behindExtensions(48)));
  assertFound(scansOf(behindExtensions(64)));
});

Deno.test("IPv6: first fragments after which extension headers go on are probes", () => {
  const first = (i: number, isMore: boolean) => {
    const options = extension(NEXT_DESTINATION_OPTIONS, new Uint8Array(0));
    const payload = fragmentHeader(NEXT_HOP_BY_HOP, options, { isMore });
    const packet = ipv6(payload, { next: NEXT_FRAGMENT });
    return packetOf(packet, LINKTYPE_RAW, START + i);
  };
  const found = (isMore: boolean) => {
    let scans = 0;
    const home = AddressSet.from(["::/0"]);
    const detector = new Detector(() => scans++, { home });
    for (let i = 0; i < 40; i++) detector.packet(first(i, isMore));
    detector.finish();
    return scans;
  };
  // All alike: any number of datagrams may begin so.
  assertEquals(found(true), 1);
  // No host waits for what goes on behind the last fragment.
  assertEquals(found(false), 0);
});

Deno.test("IPv6: extension headers inside fragments are never taken for ports", () => {
  for (const size of [8, 16, 24, 32, 40, 48, 64]) {
    const wrong = portsSeen(behindExtensions(size))
      .filter((port) => !SEVEN.includes(port));
    assertEquals(wrong, [], `fragments of ${size} bytes`);
  }
});

// The table, by itself.

const DATAGRAMS = 32;

/** A reassembler with small tables, fed with pieces of numbered datagrams. */
class Reassembly {
  readonly headers: number[] = [];
  readonly reassembler = new HeaderReassembler(
    seeded(1),
    (_, header) => this.headers.push(header.getUint16(2)),
    DATAGRAMS,
  );

  add(identification: number, piece: Piece, time = 0, source = 1): void {
    const segment = new Segment();
    segment.source2 = segment.destination2 = 0xffff;
    segment.source3 = source;
    segment.time = time;
    const info = new FragmentInfo();
    Object.assign(info, { isFragment: true, identification, payload: 0 });
    info.position = piece.position;
    info.isMore = piece.isMore;
    info.end = piece.bytes.length;
    const { buffer, byteOffset, byteLength } = piece.bytes;
    const view = new DataView(buffer, byteOffset, byteLength);
    this.reassembler.add(segment, info, view);
  }
}

const WHOLE: Piece = { position: 0, isMore: true, bytes: tcp() };
const [BEGINNING, MIDDLE, END] = cut(tcp({ destinationPort: 999 }));
/** What a datagram's first-seen fragment may be. */
const FIRST_SEEN = { whole: WHOLE, beginning: BEGINNING, "later part": MIDDLE };

for (const [kind, flood] of Object.entries(FIRST_SEEN)) {
  for (const [other, first] of Object.entries(FIRST_SEEN)) {
    const rest = first === BEGINNING ? [MIDDLE, END] : [BEGINNING, END];
    const survives = kind !== other;
    Deno.test(`a flood of fragments (${kind}) ${survives ? "keeps" : "evicts"} a datagram that began with: ${other}`, () => {
      const r = new Reassembly();
      const { reassembler, headers } = r;
      const { byteLength } = reassembler;
      r.add(1, first);
      for (let i = 0; i < 10_000; i++) r.add(i, flood, 1 + i / 1000, 1000 + i);
      assertGreater(reassembler.evicted, 9_000);
      assertEquals(reassembler.byteLength, byteLength);
      headers.length = 0;
      // A rewrite shows that a datagram is still known that began whole.
      const pieces = first === WHOLE ? [BEGINNING] : rest;
      for (const piece of pieces) r.add(1, piece, 20);
      assertEquals(headers, survives ? [999] : []);
    });
  }
}

Deno.test("an outdated datagram makes room before a live one does", () => {
  const r = new Reassembly();
  for (let i = 0; i < 1000; i++) r.add(i, BEGINNING, 0, i);
  const before = r.reassembler.evicted;
  for (let i = 0; i < 10; i++) r.add(i, BEGINNING, 30_001, 5000 + i);
  assertEquals(r.reassembler.evicted, before);
  for (let i = 0; i < 10; i++) {
    r.add(i, MIDDLE, 30_001, 5000 + i);
    r.add(i, END, 30_001, 5000 + i);
  }
  assertEquals(r.headers, new Array(10).fill(999));
});

Deno.test("a full bucket forgets its oldest datagram first", () => {
  const r = new Reassembly();
  // As many as fit if they spread evenly; then each new one evicts the oldest.
  for (let i = 0; i < 200; i++) r.add(i, BEGINNING, i, i);
  for (let i = 0; i < 200; i++) {
    r.add(i, MIDDLE, 200, i);
    r.add(i, END, 200, i);
  }
  const complete = r.headers.length;
  assert(complete >= 16 && complete <= DATAGRAMS, `${complete} survived`);
  const late = new Reassembly();
  for (let i = 0; i < 200; i++) late.add(i, BEGINNING, i, i);
  for (let i = 190; i < 200; i++) {
    late.add(i, MIDDLE, 200, i);
    late.add(i, END, 200, i);
  }
  assertEquals(late.headers.length, 10, "the latest are there");
});

Deno.test("hosts of one network count their datagrams alike, and none is lost", () => {
  for (let secret = 1; secret <= 300; secret++) {
    const reassembler = new HeaderReassembler(seeded(secret), () => {}, 2048);
    const fragment = new FragmentInfo();
    fragment.isMore = true;
    fragment.end = BEGINNING.bytes.length;
    const { buffer, byteOffset, byteLength } = BEGINNING.bytes;
    const view = new DataView(buffer, byteOffset, byteLength);
    for (let host = 1; host <= 9; host++) {
      const segment = Segment.from({
        ...{ source: `2001:db8::${host}`, sourcePort: 0 },
        ...{ destination: "2001:db8::99", destinationPort: 0 },
        ...{ flags: 0, time: 1 },
      });
      for (let i = 0; i < 9; i++) {
        fragment.identification = i;
        reassembler.add(segment, fragment, view);
      }
    }
    assertEquals(reassembler.evicted, 0, `secret ${secret}`);
  }
});

Deno.test("a reassembler refuses a number of datagrams that is no power of two", () => {
  const make = (datagrams: number) =>
    new HeaderReassembler(seeded(1), () => {}, datagrams);
  for (const datagrams of [0, 1, 16, 31, 33, 1000, 2 ** 0.5, NaN, -32]) {
    assertThrows(() => make(datagrams), RangeError, "power of two");
  }
  for (const datagrams of [32, 64, 1024]) {
    assertEquals(make(datagrams).evicted, 0);
  }
});

/** A fragment that its host drops. */
type Broken = [name: string, make: (piece: Piece, stamp: Stamp) => Packet];

const BROKEN: readonly Broken[] = [
  [
    "a wrong IPv4 checksum",
    ({ bytes, ...piece }, stamp) =>
      packetOf(ipv4(bytes, { ...piece, ...stamp, checksum: 1 }), LINKTYPE_RAW),
  ],
  [
    "no IPv4 checksum",
    ({ bytes, ...piece }, stamp) =>
      packetOf(ipv4(bytes, { ...piece, ...stamp, checksum: 0 }), LINKTYPE_RAW),
  ],
  ["an IPv4 length past its end", ({ bytes, ...piece }, stamp) =>
    packetOf(
      ipv4(bytes, { ...piece, ...stamp, totalLength: 21 + bytes.length }),
      LINKTYPE_RAW,
    )],
  ["an IPv6 length past its end", ({ bytes, ...piece }, stamp) => {
    const payload = fragmentHeader(NEXT_TCP, bytes, { ...piece, ...stamp });
    const payloadLength = payload.length + 1;
    return packetOf(
      ipv6(payload, { next: NEXT_FRAGMENT, payloadLength }),
      LINKTYPE_RAW,
    );
  }],
  [
    "a source that nobody has",
    (piece, stamp) => send4(piece, { ...stamp, source: "0.0.0.0" }),
  ],
];

for (const [name, send] of BROKEN) {
  Deno.test(`fragments are not kept if their host drops them: ${name}`, () => {
    const [a, b, c] = cut(tcp());
    const stamp = { identification: 1 };
    const packets = [send(a, stamp), send(b, stamp), send(c, stamp)];
    assertEquals(counted(...packets).segments, undefined);
    // With the whole header it counts at once, for it costs nothing.
    const whole = { position: 0, isMore: true, bytes: tcp() };
    assertEquals(counted(send(whole, stamp)).segments, 1);
  });
}

Deno.test("in files, no IPv4 checksum is one that was not filled in", () => {
  const [, [, send]] = BROKEN;
  const scan = SEVEN.flatMap((destinationPort, identification) =>
    cut(tcp({ destinationPort })).map((piece) =>
      send(piece, { identification })
    )
  );
  assertEquals(scansOf(scan), []);
  assertFound(scansOf(scan, { fromFile: true }));
});

Deno.test("fragments for others than us are not kept", () => {
  const local = AddressSet.from(["203.0.113.9"]);
  const fragments = cutScan(send4).flat();
  assertEquals(scansOf(fragments, { local }), []);
  const ours = AddressSet.from([DESTINATION]);
  assertFound(scansOf(fragments, { local: ours }));
});

/** First fragments of so many datagrams, as fast as they can be made. */
function* flood(
  count: number,
  make: (i: number) => Packet,
  scan: readonly Packet[],
): Generator<Packet> {
  const step = Math.floor(count / scan.length);
  for (let i = 0; i < count; i++) {
    if (i % step === 0 && i / step < scan.length) yield scan[i / step];
    yield make(i);
  }
}

const FLOOD = 100_000;
const [FIRST_PIECE] = cut(tcp());

/** A flood of one second, and a scan in fragments meanwhile. */
function assertFoundAmid(send: Sender, make: (i: number) => Packet): void {
  const scan = cutScan(send).flat();
  for (const packet of scan) packet.time = START;
  const { source } = scansOf(scan)[0];
  const scans = scansOf(flood(FLOOD, make, scan), { logBurst: 0 });
  assertFound(scans.filter((found) => found.source === source));
}

for (const [name, send] of SENDERS) {
  Deno.test(`${name}: 100,000 fragments of one source hide no other source's`, () =>
    assertFoundAmid(
      send,
      (i) =>
        send === send4
          ? send4(FIRST_PIECE, {
            identification: i & 0xffff,
            source: "192.0.2.9",
          })
          : send6(FIRST_PIECE, {
            identification: i,
            source: `2001:db8:0:9::${(i & 0xffff).toString(16)}`,
          }),
    ));
}

Deno.test("100,000 forged fragments with a wrong checksum hide no scan", () => {
  const bytes = ipv4(FIRST_PIECE.bytes, { isMore: true, checksum: 0x1111 });
  const packet = packetOf(bytes, LINKTYPE_RAW);
  assertFoundAmid(send4, (i) => {
    packet.view.setUint32(12, 0x0a000000 + i * 7);
    packet.view.setUint16(4, i);
    return packet;
  });
});
