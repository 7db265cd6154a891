import { isImpossibleSource } from "../../../detect/probe/impossible.ts";
import { AddressSet, Detector, Segment } from "../../../mod.ts";
import {
  DIRECTION_IN,
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  TCP_SYN,
} from "../../../library/packet.ts";
import { assertEquals } from "../../assert.ts";
import { cooked, cooked2 } from "../../links.ts";
import { type Bytes, concat, ipv4, packetOf, tcp } from "../../packets.ts";
import { portsFrom } from "../../watch.ts";

/** A SYN between two addresses, seen on an interface. */
function syn(source: string, destination: string, interfaceIndex = 2): Segment {
  const segment = Segment.from({
    source,
    destination,
    sourcePort: 40_000,
    destinationPort: 22,
    flags: TCP_SYN,
    time: 0,
  });
  segment.interfaceIndex = interfaceIndex;
  return segment;
}

const IMPOSSIBLE: readonly [source: string, destination: string][] = [
  ["0.0.0.0", "192.0.2.1"],
  ["0.255.255.255", "192.0.2.1"],
  ["127.0.0.1", "192.0.2.1"],
  ["224.0.0.0", "192.0.2.1"],
  ["239.255.255.255", "192.0.2.1"],
  ["240.0.0.0", "192.0.2.1"],
  ["255.255.255.255", "192.0.2.1"],
  ["192.0.2.1", "192.0.2.1"],
  ["::", "2001:db8::2"],
  ["::1", "2001:db8::2"],
  ["::1", "2001:db8::1"],
  ["ff02::1", "2001:db8::2"],
  ["2001:db8::2", "2001:db8::2"],
  // Ends as 127.0.0.1 does, but is no loopback address.
  ["2001:db8::7f00:1", "2001:db8::7f00:1"],
];

for (const [source, destination] of IMPOSSIBLE) {
  Deno.test(`${source} to ${destination} is forged`, () => {
    assertEquals(isImpossibleSource(syn(source, destination)), true);
  });
}

const POSSIBLE: readonly [source: string, destination: string][] = [
  ["1.0.0.0", "192.0.2.1"],
  ["126.255.255.255", "192.0.2.1"],
  ["128.0.0.0", "192.0.2.1"],
  ["223.255.255.255", "192.0.2.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.2"],
  ["::1", "::1"],
  ["::2", "2001:db8::2"],
  ["fe80::1", "fe80::2"],
  ["2001:db8::1", "2001:db8::2"],
];

for (const [source, destination] of POSSIBLE) {
  Deno.test(`${source} to ${destination} may be real`, () => {
    assertEquals(isImpossibleSource(syn(source, destination)), false);
  });
}

for (const own of ["192.0.2.1", "2001:db8::2"]) {
  Deno.test(`${own} to itself may be real on the loopback interface`, () => {
    assertEquals(isImpossibleSource(syn(own, own, 1)), false);
  });
}

Deno.test("an IPv4-mapped source is forged in an IPv6 header alone", () => {
  const segment = syn("198.51.100.7", "192.0.2.1");
  assertEquals(isImpossibleSource(segment), false);
  segment.version = 6;
  assertEquals(isImpossibleSource(segment), true);
});

/**
 * How many scans of a host with two addresses are seen on an interface.
 *
 * @param first The interface of the first probe.
 */
function scansFromOwn(
  source: string,
  interfaceIndex: number,
  first = interfaceIndex,
): number {
  let scans = 0;
  const local = AddressSet.from(["192.0.2.1", "192.0.2.3", "2001:db8::1/127"]);
  const detector = new Detector(() => scans++, { local });
  const host = source.includes(":") ? "2001:db8::1" : "192.0.2.1";
  for (const [i, port] of portsFrom(1, 30).entries()) {
    const probe = syn(source, host, i === 0 ? first : interfaceIndex);
    probe.destinationPort = port;
    probe.direction = DIRECTION_IN;
    detector.segment(probe);
  }
  detector.finish();
  return scans;
}

for (const source of ["192.0.2.3", "2001:db8::"]) {
  Deno.test(`another address of the host, ${source}, is no source but on loopback`, () => {
    assertEquals(scansFromOwn(source, 1), 1);
    assertEquals(scansFromOwn(source, 2), 0);
    // It has asked itself before.
    assertEquals(scansFromOwn(source, 2, 1), 0);
  });
}

/** A scan by a host of itself, as a file has it; how many scans are seen. */
function scansOfItself(linkType: number, header: Uint8Array): number {
  let scans = 0;
  const detector = new Detector(() => scans++, { fromFile: true });
  for (const destinationPort of portsFrom(1, 30)) {
    const ends = { source: "192.0.2.1", destination: "192.0.2.1" };
    const bytes = concat(header, ipv4(tcp({ destinationPort }), ends));
    detector.packet(packetOf(bytes, linkType));
  }
  detector.finish();
  return scans;
}

const IPV4 = Uint8Array.of(0x08, 0x00);
const ETHERNET = concat(new Uint8Array(12).fill(2), IPV4);

/** Headers of a link, and what makes them those of the loopback interface. */
const HEADERS: readonly [string, number, Bytes, at: number, number[]][] = [
  ["Ethernet", LINKTYPE_ETHERNET, ETHERNET, 0, new Array(12).fill(0)],
  ["cooked", LINKTYPE_LINUX_SLL, cooked(0, IPV4), 2, [3, 4]],
  ["cooked2", LINKTYPE_LINUX_SLL2, cooked2(0, IPV4), 8, [3, 4]],
];

for (const [name, linkType, header, at, bytes] of HEADERS) {
  Deno.test(`a scan of a host by itself is real on loopback, ${name}`, () => {
    assertEquals(scansOfItself(linkType, header), 0);
    const isInside = Uint8Array.from(header);
    isInside.set(bytes, at);
    assertEquals(scansOfItself(linkType, isInside), 1);
  });
}
