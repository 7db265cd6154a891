/** Frames with VLAN tags: one line, whether the tag is there, and how often. */

import { assertEquals, assertGreater } from "../assert.ts";
import { type Bytes, concat, ipv4, ipv6, tcp } from "../packets.ts";
import { assertReportedIfAnswered, CLOSED_PORTS, syn } from "./answered.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, HOST_IPV6, TwoHosts } from "./namespaces.ts";
import { liveTest } from "./require.ts";
import {
  assertSameLines,
  splitLine,
  WATCHER_NEEDS,
  Watchers,
} from "./watchers.ts";

const PORTS = [22, 23, 111, 21, 25, 143, 80];
/** 802.1Q and 802.1ad. */
const TAG = [0x81, 0x00, 0x00, 0x64];
const SERVICE_TAG = [0x88, 0xa8, 0x00, 0x05];

/** Frames that the scanner sends, by what stands before their EtherType. */
const SCANS: Record<string, { tags: number[][]; version: 4 | 6 }> = {
  "10.77.0.50": { tags: [TAG], version: 4 },
  "10.77.0.51": { tags: [SERVICE_TAG], version: 4 },
  // As a host sees it that has an interface for the VLAN: twice.
  "10.77.0.52": { tags: [TAG, []], version: 4 },
  "2001:db8:77::53": { tags: [TAG], version: 6 },
};

/** The scan that also comes without a tag. */
const UNTAGGED = 2;

function datagram(source: string, version: 4 | 6, port: number): Bytes {
  // Equal ones would make the sources decoys of one another.
  const sequence = 1 + Object.keys(SCANS).indexOf(source);
  const segment = tcp({ destinationPort: port, sequence });
  return version === 4
    ? ipv4(segment, { source, destination: HOST })
    : ipv6(segment, { source, destination: HOST_IPV6 });
}

liveTest("a scan with VLAN tags gives one line", WATCHER_NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using watchers = await Watchers.start(two.host);
  const target = await hardwareAddress(two.host);
  const sender = await hardwareAddress(two.scanner);
  const sources = Object.keys(SCANS);
  const expected = sources.map((source) => {
    const [from, to] = SCANS[source].version === 4
      ? [`${source}:40000`, HOST]
      : [`[${source}]:40000`, HOST_IPV6];
    return `${from} to ${to} ports 22, 23, 111, 21, 25, 143, ..., fSrpauxy, TOS 00, TTL 64`;
  });
  for (const [source, { tags, version }] of Object.entries(SCANS)) {
    const type = version === 4 ? [0x08, 0x00] : [0x86, 0xdd];
    const frames = PORTS.flatMap((port) => {
      const packet = datagram(source, version, port);
      return tags.map((tag) => concat(target, sender, tag, type, packet));
    });
    await inject(two.scanner, frames);
  }
  // The pipe's clock is some seconds late.
  for (const kind of ["raw", "pipe"] as const) {
    await watchers.lines(kind, sources.length);
  }
  const lines = await watchers.stop();
  const raw = lines.get("raw") ?? [];
  assertEquals(raw.map((line) => splitLine(line).text), expected);
  for (const [name, found] of lines) {
    // libnids passes over no tag behind the header that "any" gives packets.
    const seen = name === "nids" ? raw.filter((_, i) => i === UNTAGGED) : raw;
    assertSameLines(found, seen, name);
  }
});

const Q = [0x81, 0x00];
const AD = [0x88, 0xa8];
const OLD = [0x91, 0x00];
const tag = (type: number[], number = 0, priority = 0) => [
  ...type,
  (priority << 5) | (number >> 8),
  number & 0xff,
];
/** Tags before the datagram, from the outermost on. */
const STACKS: Record<string, number[][]> = {
  "one priority tag": [tag(Q)],
  "two": [tag(Q), tag(Q)],
  "three": [tag(Q), tag(Q), tag(Q)],
  "forty": new Array(40).fill(tag(Q)),
  "two of 802.1ad": [tag(AD), tag(AD)],
  "802.1ad, then 802.1Q": [tag(AD), tag(Q)],
  "802.1Q, then 802.1ad": [tag(Q), tag(AD)],
  "of priority 7": [tag(Q, 0, 7), tag(Q, 0, 7)],
  // As an IPv4 and an IPv6 header begin.
  "of priority 2": [tag(Q), tag(Q, 0, 2), tag(Q, 0, 2)],
  "of priority 3": [tag(Q), tag(Q, 0, 3), tag(Q, 0, 3)],
  "of no standard": [tag(Q), tag(OLD)],
  "VLAN 100 behind": [tag(Q), tag(Q, 100)],
  "VLAN 1280 behind": [tag(Q), tag(Q, 1280, 2)],
};

liveTest(
  "stacked priority tags that the host takes off hide no scan",
  { root: true, tools: ["ip", "unshare", "python3"] },
  async () => {
    await using two = await TwoHosts.create();
    const ends = [
      await hardwareAddress(two.host),
      await hardwareAddress(two.scanner),
    ];
    const scans = Object.entries(STACKS).flatMap(([name, tags], i) =>
      ([4, 6] as const).map((version) => {
        const source = version === 4
          ? `10.77.0.${100 + i}`
          : `2001:db8:77::${100 + i}`;
        const type = version === 4 ? [0x08, 0x00] : [0x86, 0xdd];
        const frames = CLOSED_PORTS.map((port) =>
          concat(...ends, ...tags, type, syn(source, port, 1000 * version + i))
        );
        return { name: `${name}, IPv${version}`, source, frames };
      })
    );
    const names = await assertReportedIfAnswered(two, scans, (_, is) => is);
    console.log(`answered: ${names.join("; ")}`);
    assertGreater(names.length, 4);
  },
);
