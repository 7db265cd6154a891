/**
 * tshark and we find the same TCP header at the heart of random nestings: every
 * link type, every tunnel, up to four IP headers.
 */

import { HeaderDecoder } from "../../detect/packet/headers.ts";
import { findNetworkHeader } from "../../detect/packet/link.ts";
import { DECODED } from "../../detect/packet/outcome.ts";
import { PROTOCOL_TCP, Segment } from "../../detect/packet/segment.ts";
import { assertEquals, assertGreater } from "../assert.ts";
import {
  type Bytes,
  FILE_KINDS,
  type Link,
  LINKS,
  packetOf,
  pcap,
} from "../packets.ts";
import { below, pick, type Random, withRunSeed } from "../random.ts";
import { run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { nest, randomSegment } from "../tunnels.ts";

const NESTINGS = 20_000;
/**
 * What tshark does not read: PKTAP as macOS numbers it, NFLOG in another byte
 * order than its file's, families that only Linux or nobody writes.
 */
function isUnknownToTshark({ name, linkType }: Link): boolean {
  return linkType === 149 ||
    /^NFLOG, big|^loop, little|^null of Linux/.test(name);
}

interface Sample {
  name: string;
  /** What was captured. */
  bytes: Bytes;
  /** How long it was. */
  original: number;
}

type Kind = "whole" | "cut off" | "mutated";

/** Changes up to three bytes. */
function mutated(random: Random, bytes: Bytes): Bytes {
  for (let n = 1 + below(random, 3); n > 0; n--) {
    bytes[below(random, bytes.length)] = pick(random, [
      0,
      1,
      4,
      6,
      255,
      random(),
    ]);
  }
  return bytes;
}

/** Random nestings, by link type, as a file has one: whole, or cut off. */
function samples(random: Random, kind: Kind): Map<number, Sample[]> {
  const links = LINKS.filter((link) => !isUnknownToTshark(link));
  const found = new Map<number, Sample[]>();
  for (let made = 0; made < NESTINGS;) {
    const link = pick(random, links);
    const inside = nest(random, randomSegment(random), 1 + below(random, 4));
    if (!link.versions.includes(inside.version)) continue;
    const whole = link.wrap(inside.bytes, inside.version);
    const length = kind === "cut off"
      ? 1 + below(random, whole.length)
      : whole.length;
    const list = found.get(link.linkType) ?? [];
    list.push({
      name: `${length} bytes of ${inside.name}, ${link.name}`,
      bytes: kind === "mutated"
        ? mutated(random, whole)
        : whole.slice(0, length),
      original: whole.length,
    });
    found.set(link.linkType, list);
    made++;
  }
  return found;
}

const NOTHING = "nothing";

/** What we find: ports and flags of a whole header. */
function found({ bytes }: Sample, linkType: number): string {
  const segment = new Segment();
  const decoder = new HeaderDecoder(segment, { fromFile: true });
  const packet = packetOf(bytes, linkType);
  const start = findNetworkHeader(packet);
  if (start < 0) return NOTHING;
  // Without what is missing: of a cut header tshark reads nothing.
  const outcome = decoder.decode(packet.view, start, bytes.length);
  if (outcome !== DECODED || segment.protocol !== PROTOCOL_TCP) return NOTHING;
  const { sourcePort, destinationPort, flags } = segment;
  return `${sourcePort} ${destinationPort} ${flags}`;
}

/** What tshark finds in each packet of a file. */
async function foundByTshark(path: string): Promise<string[]> {
  const output = await run([
    ...["tshark", "-n", "-r", path, "-T", "fields"],
    ...["-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.flags"],
    // The last field of the header: it is all there.
    ...["-e", "tcp.urgent_pointer"],
  ]);
  return output.replace(/\n$/, "").split("\n").map((line) => {
    const [source, destination, flags, last] = line.split("\t");
    if (last === undefined || last === "") return NOTHING;
    return `${source} ${destination} ${Number(flags) & 0xff}`;
  });
}

/** Compares all of them; returns how many there were with a TCP header. */
async function compare(
  linkType: number,
  list: readonly Sample[],
  kind: Kind,
): Promise<number> {
  const path = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    const records = list.map((sample, seconds) => ({
      ...sample,
      seconds,
      fraction: 0,
    }));
    await Deno.writeFile(path, pcap({ ...FILE_KINDS[0], linkType }, records));
    const theirs = await foundByTshark(path);
    assertEquals(theirs.length, list.length);
    const ours = list.map((sample) => found(sample, linkType));
    for (const [i, { name }] of list.entries()) {
      // Who finds none in a damaged packet has reasons of its own.
      const isBoth = ours[i] !== NOTHING && theirs[i] !== NOTHING;
      if (kind === "mutated" && !isBoth) continue;
      assertEquals(ours[i], theirs[i], `link type ${linkType}: ${name}`);
    }
    return ours.filter((text) => text !== NOTHING).length;
  } finally {
    await Deno.remove(path);
  }
}

for (const kind of ["whole", "cut off", "mutated"] as const) {
  liveTest(
    `tshark finds the same segments inside 20,000 random nestings, ${kind}`,
    { tools: ["tshark"] },
    () =>
      withRunSeed(async (random) => {
        let segments = 0;
        for (const [linkType, list] of samples(random, kind)) {
          segments += await compare(linkType, list, kind);
        }
        if (kind === "whole") assertEquals(segments, NESTINGS);
        else assertGreater(segments, 100);
      }),
  );
}
