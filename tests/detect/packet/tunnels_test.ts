/** Tunnels: opened in files, however they are nested, cut off or damaged. */

import { HeaderDecoder } from "../../../detect/packet/headers.ts";
import { findNetworkHeader } from "../../../detect/packet/link.ts";
import {
  DAMAGED,
  DECODED,
  FRAGMENT,
  IP_PROTOCOL,
  OTHER_PROTOCOL,
  type Outcome,
  TOO_DEEP,
} from "../../../detect/packet/outcome.ts";
import { Segment } from "../../../detect/packet/segment.ts";
import { Detector } from "../../../mod.ts";
import { LINKTYPE_RAW } from "../../../library/packet.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../assert.ts";
import { type Bytes, concat } from "../../bytes.ts";
import {
  cut,
  DESTINATION,
  fragmentHeader,
  icmpUnreachable,
  ipv4,
  ipv6,
  LINKS,
  NEXT_FRAGMENT,
  packetOf,
  SOURCE,
  START,
  tcp,
  udp,
} from "../../packets.ts";
import { below, pick, type Random, seeded, withRunSeed } from "../../random.ts";
import {
  carry,
  nest,
  randomSegment,
  TUNNELS,
  type Version,
} from "../../tunnels.ts";

const VERSIONS: readonly Version[] = [4, 6];

function decode(bytes: Bytes, fromFile = true) {
  const segment = new Segment();
  const decoder = new HeaderDecoder(segment, { fromFile });
  const packet = packetOf(bytes, LINKTYPE_RAW);
  const outcome = decoder.decode(packet.view, 0, bytes.length);
  return { outcome, segment, decoder };
}

for (const tunnel of TUNNELS) {
  for (const inner of VERSIONS) {
    for (const outer of VERSIONS) {
      const segment = tcp({ sourcePort: 5, destinationPort: 7, flags: 0x29 });
      const packet = inner === 4 ? ipv4(segment) : ipv6(segment);
      const bytes = carry(tunnel, packet, inner, outer);
      const name = `${tunnel.name}: IPv${inner} over IPv${outer}`;

      Deno.test(`${name} is opened in files, and only there`, () => {
        const { outcome, segment } = decode(bytes);
        assertEquals(outcome, DECODED);
        const { version, sourcePort, destinationPort, flags, protocol } =
          segment;
        assertEquals(
          [version, protocol, sourcePort, destinationPort, flags],
          [inner, 6, 5, 7, 0x29],
        );
        const live = decode(bytes, false);
        const isUdp = tunnel.protocol(inner) === 17;
        assertEquals(live.outcome, isUdp ? DECODED : IP_PROTOCOL);
        assertEquals(live.segment.version, outer);
      });

      Deno.test(`${name}: no truncation is taken for the segment`, () => {
        for (let length = 0; length < bytes.length; length++) {
          const { outcome, segment } = decode(bytes.slice(0, length));
          const isTcp = outcome === DECODED && segment.protocol === 6;
          assert(!isTcp, `${length} of ${bytes.length}`);
        }
      });
    }
  }
}

Deno.test("four IP headers are looked into, five are too many", () => {
  for (const tunnel of TUNNELS) {
    let bytes = ipv4(tcp({ destinationPort: 9 }));
    for (let headers = 1; headers <= 6; headers++) {
      const { outcome, segment } = decode(bytes);
      assertEquals(outcome, headers <= 4 ? DECODED : TOO_DEEP, tunnel.name);
      if (headers <= 4) assertEquals(segment.destinationPort, 9);
      bytes = carry(tunnel, bytes, 4, 4);
    }
  }
});

Deno.test("what is no tunnel's stays what it is", () => {
  const packet = ipv4(tcp());
  const others: [string, Bytes, Outcome][] = [
    [
      "GRE with routing",
      ipv4(concat([0x40, 0, 8, 0], packet), { protocol: 47 }),
      IP_PROTOCOL,
    ],
    [
      "GRE of PPTP",
      ipv4(concat([0x30, 1, 0x88, 0x0b], packet), { protocol: 47 }),
      IP_PROTOCOL,
    ],
    [
      "GRE keepalive",
      ipv4(Uint8Array.of(0, 0, 0, 0), { protocol: 47 }),
      IP_PROTOCOL,
    ],
    [
      "GRE of ARP",
      ipv4(concat([0, 0, 8, 6], packet), { protocol: 47 }),
      IP_PROTOCOL,
    ],
    [
      "ERSPAN of a later version",
      ipv4(
        concat([0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x30], new Uint8Array(60)),
        { protocol: 47 },
      ),
      IP_PROTOCOL,
    ],
    [
      "IP in IP of another version",
      ipv4(ipv6(tcp()), { protocol: 4 }),
      IP_PROTOCOL,
    ],
    [
      "UDP to VXLAN's port",
      ipv4(
        udp({ destinationPort: 4789, payload: new Uint8Array(60) }),
        { protocol: 17 },
      ),
      DECODED,
    ],
    [
      "UDP from VXLAN's port",
      ipv4(
        udp({ sourcePort: 4789, payload: concat([8], new Uint8Array(60)) }),
        { protocol: 17 },
      ),
      DECODED,
    ],
    [
      "Geneve of version 1",
      ipv4(
        udp({
          destinationPort: 6081,
          payload: concat([0x40, 0, 8, 0, 0, 0, 0, 0], packet),
        }),
        { protocol: 17 },
      ),
      DECODED,
    ],
  ];
  for (const [name, bytes, expected] of others) {
    const { outcome, segment } = decode(bytes);
    assertEquals(outcome, expected, name);
    const ports = expected === IP_PROTOCOL
      ? [segment.protocol]
      : [4789, 6081, 22];
    assert(ports.includes(segment.destinationPort), name);
  }
});

Deno.test("fragments inside a tunnel are put together, and first fragments of one opened", () => {
  const lines: unknown[] = [];
  const detector = new Detector((report) => lines.push(report), {
    random: seeded(1),
    sources: 16,
    minPorts: 2,
    fromFile: true,
  });
  const [tunnel] = TUNNELS;
  for (const [i, destinationPort] of [22, 23, 25, 80].entries()) {
    for (const piece of cut(tcp({ destinationPort }))) {
      const inner = ipv4(piece.bytes, { ...piece, identification: i });
      const bytes = carry(tunnel, inner, 4, 6);
      detector.packet(packetOf(bytes, LINKTYPE_RAW, START + i));
    }
  }
  assertEquals(detector.counters.segments, 4);
  assertEquals(detector.counters.fragments, 12);
  const inner = ipv4(tcp({ destinationPort: 7 }));
  const outer = ipv4(inner, { protocol: 4, isMore: true });
  assertEquals(decode(outer).segment.destinationPort, 7);
  const six = fragmentHeader(4, inner, { isMore: true });
  const { outcome, segment } = decode(ipv6(six, { next: NEXT_FRAGMENT }));
  assertEquals([outcome, segment.destinationPort], [DECODED, 7]);
  const later = ipv4(inner, { protocol: 4, position: 8 });
  assertEquals(decode(later).outcome, FRAGMENT);
});

Deno.test("an ICMP error inside a tunnel quotes what it refuses there", () => {
  const quoted = ipv4(udp({ destinationPort: 161 }), { protocol: 17 });
  const error = ipv4(icmpUnreachable(quoted), {
    protocol: 1,
    source: DESTINATION,
    destination: SOURCE,
  });
  for (const tunnel of TUNNELS) {
    const { decoder } = decode(carry(tunnel, error, 4, 4));
    assertEquals(decoder.quoted.destinationPort, 161, tunnel.name);
  }
});

/** A buffer whose reads are counted. Packets end where it ends. */
class CountedBuffer {
  reads = 0;
  readonly view: DataView<ArrayBuffer>;

  constructor(length: number) {
    this.view = new DataView(new ArrayBuffer(length));
    for (const name of ["getUint8", "getUint16", "getUint32", "getInt32"]) {
      const method = name as "getUint16";
      const read = this.view[method].bind(this.view);
      this.view[method] = (at, littleEndian) => {
        this.reads++;
        return read(at, littleEndian);
      };
    }
  }

  /** Puts bytes at the end; returns where they begin. */
  set(bytes: Uint8Array): number {
    this.reads = 0;
    const start = this.view.byteLength - bytes.length;
    new Uint8Array(this.view.buffer).set(bytes, start);
    return start;
  }
}

const MUTANTS = 1_000_000;
/** Four IP headers of 60 bytes, whose checksums are read only of fragments, and
 * what lies between them: no more than each byte twice. */
const MOST_READS = 2;

/** Changes some bytes, most of them where headers are; at times cuts it off. */
function mutate(random: Random, bytes: Bytes): Bytes {
  for (let n = 1 + below(random, 6); n > 0; n--) {
    const at = below(random, bytes.length);
    const extremes = [
      0,
      1,
      4,
      6,
      0x11,
      0x2c,
      0x2f,
      0x3c,
      0x45,
      0x60,
      0x88,
      0xff,
    ];
    bytes[at] = pick(random, [...extremes, random()]);
  }
  return below(random, 4) === 0
    ? bytes.subarray(0, below(random, bytes.length + 1))
    : bytes;
}

Deno.test("a million mutated tunnel packets: no exception, bounded work", () =>
  withRunSeed((random) => {
    const models = Array.from({ length: 4000 }, () => {
      const link = pick(random, LINKS);
      const { bytes, version } = nest(
        random,
        randomSegment(random),
        1 + below(random, 5),
      );
      return { link, bytes: link.wrap(bytes, version) };
    });
    const segment = new Segment();
    const decoder = new HeaderDecoder(segment, { fromFile: true });
    const outcomes = new Map<number, number>();
    const buffer = new CountedBuffer(4096);
    let most = 0;
    for (let i = 0; i < MUTANTS; i++) {
      const { link, bytes } = pick(random, models);
      const mutant = mutate(random, bytes.slice());
      const packet = packetOf(mutant, link.linkType);
      packet.offset = buffer.set(mutant);
      packet.view = buffer.view;
      const start = findNetworkHeader(packet);
      const end = packet.offset + mutant.length;
      const outcome = start < 0
        ? start
        : decoder.decode(buffer.view, start, end, below(random, 3));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      assertLess(buffer.reads, MOST_READS * mutant.length + 64);
      most = Math.max(most, buffer.reads);
    }
    console.log(`at most ${most} reads of a packet`);
    for (
      const outcome of [DECODED, FRAGMENT, DAMAGED, TOO_DEEP, OTHER_PROTOCOL]
    ) {
      assertGreater(outcomes.get(outcome) ?? 0, 0, `outcome ${outcome}`);
    }
  }));

Deno.test("the longest packets of the shortest headers take bounded work", () => {
  // Extension headers of 8 bytes each, as many as a packet has room for.
  const payload = new Uint8Array(65_528);
  for (let at = 0; at < payload.length; at += 8) payload[at] = 60;
  const bytes = ipv6(payload, { next: 60 });
  const buffer = new CountedBuffer(bytes.length);
  const start = buffer.set(bytes);
  const decoder = new HeaderDecoder(new Segment(), { fromFile: true });
  assertEquals(decoder.decode(buffer.view, start, bytes.length), DAMAGED);
  assertLess(buffer.reads, bytes.length / 2);
});
