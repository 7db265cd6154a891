/**
 * Scans whose segments come in fragments of 8 bytes, in every disorder, through
 * every capture and from files.
 */

import { findScans, formatReport } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  type Bytes,
  concat,
  cut,
  fragmentHeader,
  ipv4,
  ipv6,
  NEXT_FRAGMENT,
  NEXT_TCP,
  pcap,
  tcp,
} from "../packets.ts";
import { below, type Random, shuffled, withRunSeed } from "../random.ts";
import { hardwareAddress, inject } from "./inject.ts";
import { HOST, HOST_IPV6, TwoHosts } from "./namespaces.ts";
import { liveTest } from "./require.ts";
import { assertSameLines, WATCHER_NEEDS, Watchers } from "./watchers.ts";

const PORTS = [22, 23, 111, 21, 25, 143, 80];
const UNRELATED = 10_000;
const ORDER = "in order";

/** What becomes of a scan's fragments on their way. */
const DISORDERS: Record<string, (random: Random, f: Bytes[]) => Bytes[]> = {
  [ORDER]: (_random, fragments) => fragments,
  "reversed": (_random, fragments) => fragments.toReversed(),
  "shuffled": shuffled,
  "with duplicates": (_random, fragments) => fragments.flatMap((f) => [f, f]),
  "shuffled with duplicates": (random, fragments) =>
    shuffled(random, [...fragments, ...fragments]),
};
const DISORDER_NAMES = Object.keys(DISORDERS);
const INTERLEAVED = "amid 10,000 others";
const NAMES = [...DISORDER_NAMES, INTERLEAVED];

/** Sources on the hosts' own networks. */
function source(version: 4 | 6, name: string): string {
  const number = 100 + NAMES.indexOf(name);
  return version === 4 ? `10.77.0.${number}` : `2001:db8:77::${number}`;
}

/** A datagram's fragments, 8 bytes each. */
function fragments(
  version: 4 | 6,
  from: string,
  identification: number,
  payload: Bytes,
): Bytes[] {
  return cut(payload).map(({ bytes, ...piece }) => {
    if (version === 4) {
      const init = { source: from, destination: HOST, identification };
      return ipv4(bytes, { ...init, ...piece });
    }
    return ipv6(
      fragmentHeader(NEXT_TCP, bytes, { identification, ...piece }),
      { source: from, destination: HOST_IPV6, next: NEXT_FRAGMENT },
    );
  });
}

function scan(version: 4 | 6, name: string): Bytes[] {
  return PORTS.flatMap((destinationPort, i) =>
    fragments(version, source(version, name), i, tcp({ destinationPort }))
  );
}

/** Fragments of datagrams that never become whole. */
function unrelated(random: Random): Bytes[] {
  return Array.from({ length: UNRELATED }, (_, i) => {
    const version = below(random, 2) === 0 ? 4 : 6;
    const payload = Uint8Array.from({ length: 64 }, random);
    const number = below(random, 0x10000);
    const from = version === 4
      ? `10.78.${number >> 8}.${number & 255}`
      : `2001:db8:${number.toString(16)}::1`;
    // One each: no two belong together.
    const pieces = fragments(version, from, i, payload);
    return pieces[below(random, pieces.length)];
  });
}

/** Puts the items among others, in their order. */
function among(random: Random, items: Bytes[], others: Bytes[]): Bytes[] {
  const places = items.map(() => below(random, others.length + 1))
    .sort((a, b) => a - b);
  const mixed = [...others];
  for (let i = items.length - 1; i >= 0; i--) {
    mixed.splice(places[i], 0, items[i]);
  }
  return mixed;
}

/** All scans, one after the other. */
function allDatagrams(random: Random): Bytes[] {
  const versions = [4, 6] as const;
  const scans = versions.flatMap((version) => [
    ...DISORDER_NAMES.flatMap((name) =>
      DISORDERS[name](random, scan(version, name))
    ),
    ...overlaps(version),
  ]);
  const last = versions.flatMap((version) => scan(version, INTERLEAVED));
  return [...scans, ...among(random, last, unrelated(random))];
}

/** A source that hides its ports: shown is 80, meant is another. */
function liar(version: 4 | 6, isWhole: boolean): string {
  const number = isWhole ? 200 : 201;
  return version === 4 ? `10.77.0.${number}` : `2001:db8:77::${number}`;
}

/**
 * The overlap attack: the first fragment shows port 80, another one rewrites
 * the ports. The first one may even hold the whole header.
 */
function overlaps(version: 4 | 6): Bytes[] {
  return [false, true].flatMap((isWhole) =>
    PORTS.flatMap((destinationPort, i) => {
      const from = liar(version, isWhole);
      const shown = tcp({ destinationPort: 80 });
      const meant = tcp({ destinationPort });
      const [ports] = fragments(version, from, i, meant);
      if (!isWhole) return [...fragments(version, from, i, shown), ports];
      const piece = { position: 0, isMore: true, identification: i };
      const payload = concat(shown, new Uint8Array(4));
      const whole = version === 4
        ? ipv4(payload, { source: from, destination: HOST, ...piece })
        : ipv6(fragmentHeader(NEXT_TCP, payload, piece), {
          source: from,
          destination: HOST_IPV6,
          next: NEXT_FRAGMENT,
        });
      return [whole, ports];
    })
  );
}

/** A file's lines, with every address for itself. */
async function linesOf(frames: readonly Bytes[]): Promise<string[]> {
  const seconds = Math.floor(Date.now() / 1000);
  const file = pcap(
    { littleEndian: true, nanoseconds: false, linkType: 1 },
    frames.map((bytes, i) => ({ seconds, fraction: i, bytes })),
  );
  const lines: string[] = [];
  for await (
    // All sources send the same probes: other rules would call them decoys.
    const report of findScans(file, {
      logBurst: 0,
      ipv6Prefix: 128,
      classic: true,
    })
  ) {
    lines.push(formatReport(report));
  }
  return lines;
}

/** What every scan's line must begin with, except for the order of ports. */
function assertFound(lines: readonly string[]): void {
  for (const version of [4, 6] as const) {
    for (const name of NAMES) {
      const from = source(version, name);
      const prefix = version === 4 ? `${from}:` : `[${from}]:`;
      const line = lines.find((line) => line.startsWith(prefix));
      assert(line !== undefined, `${name}, IPv${version}`);
      const [, list] = / ports (.*), \.\.\./.exec(line) ?? [];
      const ports = list.split(", ").map(Number);
      assertEquals(new Set(ports).size, PORTS.length - 1);
      assert(ports.every((port) => PORTS.includes(port)), line);
    }
    for (const isWhole of [false, true]) {
      const from = liar(version, isWhole);
      const line = lines.find((line) => line.includes(from)) ?? "";
      const hidden = PORTS.filter((port) => port !== 80).slice(0, 5);
      assert(line.includes(`ports 80, ${hidden.join(", ")}, ...`), line);
    }
  }
}

/**
 * What libnids is expected to find: IPv4 in any order. It keeps at most 256 KiB
 * of fragments for a host, so that others push a scan's out, and of fragments
 * that overlap it takes the version that Linux took.
 */
function ofNids(lines: readonly string[]): string[] {
  return lines.filter((line) =>
    DISORDER_NAMES.some((name) => line.startsWith(`${source(4, name)}:`))
  );
}

liveTest(
  "fragments of 8 bytes in any order, doubled, amid others, overlapping",
  WATCHER_NEEDS,
  async () => {
    await using two = await TwoHosts.create();
    await using watchers = await Watchers.start(two.host, [
      ...["--ipv6-prefix", "128", "--classic"],
    ]);
    const target = await hardwareAddress(two.host);
    const sender = await hardwareAddress(two.scanner);
    await withRunSeed(async (random) => {
      const frames = allDatagrams(random).map((datagram) => {
        const isIpv4 = datagram[0] >> 4 === 4;
        const type = isIpv4 ? [0x08, 0x00] : [0x86, 0xdd];
        return concat(target, sender, type, datagram);
      });
      const expected = await linesOf(frames);
      assertFound(expected);
      await inject(two.scanner, frames);
      await watchers.lines("pipe", expected.length);
      for (const [name, lines] of await watchers.stop()) {
        if (name !== "nids") assertSameLines(lines, expected, name);
        else assertSameLines(ofNids(lines), ofNids(expected), name);
      }
    });
  },
);
