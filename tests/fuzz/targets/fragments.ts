/**
 * The reassembler, beside a naive one: every combination of what was sent is
 * handed out, and nothing that was not.
 *
 * @module
 */

import { FragmentInfo, HeaderReassembler } from "../../../library/packet.ts";
import { Segment } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import type { Bytes } from "../../packets.ts";
import { below, pick, type Random, seeded } from "../../random.ts";
import { magnitude, type Outcome, type Target } from "../target.ts";

/** Datagram, position, length, content, time. */
const RECORD = 5;
const MAX_RECORDS = 512;
/** So few that none is evicted: the fewest that fill a table. */
const DATAGRAMS = 32;
const KEYS = 4;
const UNIT = 8;
const HEADER = 20;
/** What is kept of each unit's versions (detect/fragments.ts). */
const VERSIONS = [4, 2, 1];
const TIMEOUT_MS = 30_000;
/** Contents that fragments have, so that they meet again. */
const CONTENTS = 8;

/** A unit's bytes in a version: its number, repeated. */
function content(unit: number, version: number): number {
  return (unit << 4) | version;
}

/** What was sent of a datagram since it was begun. */
class Naive {
  readonly sent: Set<number>[] = [new Set(), new Set(), new Set()];
  readonly told = new Set<string>();
  start = 0;

  /** Whether more versions were sent than are kept. */
  get isOverfull(): boolean {
    return this.sent.some((unit, i) => unit.size > VERSIONS[i]);
  }

  /** Every combination of ports and flags, once the header is whole. */
  combinations(): string[] {
    const [first, second, third] = this.sent;
    if (third.size === 0) return [];
    return [...first].flatMap((a) => [...second].map((b) => `${a} ${b}`));
  }
}

/** {@linkcode HeaderReassembler} alone. */
export const fragments: Target = {
  name: "fragments",
  unit: "fragments",
  code: ["detect/packet/fragments.ts"],
  seeds: () => [],
  generate(random: Random): Bytes {
    const count = below(random, 1 << (2 + below(random, 6)));
    const bytes = new Uint8Array(RECORD * count);
    const isCalm = below(random, 2) === 0;
    for (let at = 0; at < bytes.length; at += RECORD) {
      bytes[at] = random();
      bytes[at + 1] = below(random, 3);
      bytes[at + 2] = isCalm ? pick(random, [8, 16, 20, 24]) : random();
      bytes[at + 3] = below(random, isCalm ? 2 : CONTENTS);
      bytes[at + 4] = below(random, 16) === 0 ? random() : 0;
    }
    return bytes;
  },
  run: replay,
};

function replay(input: Bytes): Outcome {
  const naive = Array.from({ length: KEYS }, () => new Naive());
  let current = naive[0];
  let told = 0;
  const reassembler = new HeaderReassembler(seeded(1), (protocol, header) => {
    assertEquals(protocol, 6);
    checkHeader(current, header);
    told++;
  }, DATAGRAMS);
  const { byteLength } = reassembler;
  const count = Math.min(MAX_RECORDS, Math.floor(input.length / RECORD));
  let time = 0;
  for (let i = 0; i < count; i++) {
    const [key, position, length, version, step] = input.subarray(i * RECORD);
    // Never backwards: an insertion may take what is outdated for now.
    time += step << 7;
    current = naive[key % KEYS];
    send(reassembler, current, key % KEYS, time, {
      position: (position % 5) * UNIT,
      length: length % 40,
      version: version % CONTENTS,
    });
  }
  assertEquals(reassembler.byteLength, byteLength, "the tables grew");
  assertEquals(reassembler.evicted, 0);
  return {
    units: count,
    signature: `${magnitude(count)} ${magnitude(told)} ${
      naive.filter(({ isOverfull }) => isOverfull).length
    }`,
  };
}

/** A fragment: whole units of one version, and perhaps a part of one more. */
interface Piece {
  position: number;
  length: number;
  version: number;
}

function send(
  reassembler: HeaderReassembler,
  datagram: Naive,
  key: number,
  time: number,
  { position, length, version }: Piece,
): void {
  const bytes = new Uint8Array(length);
  const sent: number[] = [];
  for (let at = 0; at < length; at++) {
    bytes[at] = content((position + at) >> 3, version);
  }
  for (let unit = position / UNIT; unit < 3; unit++) {
    const end = Math.min(unit * UNIT + UNIT, HEADER);
    if (position + length >= end) sent.push(unit);
  }
  if (sent.length > 0) {
    const age = time - datagram.start;
    if (age > TIMEOUT_MS) forget(datagram);
    if (datagram.sent.every(({ size }) => size === 0)) datagram.start = time;
    for (const unit of sent) datagram.sent[unit].add(content(unit, version));
  }
  const segment = new Segment();
  segment.source3 = 1 + (key >> 1);
  segment.time = time;
  const fragment = new FragmentInfo();
  fragment.isFragment = true;
  fragment.identification = key & 1;
  fragment.position = position;
  fragment.payload = 0;
  fragment.end = length;
  reassembler.add(segment, fragment, new DataView(bytes.buffer));
  if (datagram.isOverfull) return; // then some are told again, others not
  assertEquals(
    [...datagram.told].sort(),
    datagram.combinations().sort(),
    "headers told, and those that can be made",
  );
}

function forget(datagram: Naive): void {
  for (const unit of datagram.sent) unit.clear();
  datagram.told.clear();
}

/** A header is made of units as they were sent, and is told once. */
function checkHeader(datagram: Naive, header: DataView): void {
  assertEquals(header.byteLength, HEADER);
  const units = [0, 1, 2].map((unit) => {
    const first = header.getUint8(unit * UNIT);
    const end = Math.min(HEADER, unit * UNIT + UNIT);
    for (let at = unit * UNIT; at < end; at++) {
      assertEquals(header.getUint8(at), first, `byte ${at} is of another unit`);
    }
    assert(datagram.sent[unit].has(first), `${first} was never sent`);
    return first;
  });
  const combination = `${units[0]} ${units[1]}`;
  const isNew = !datagram.told.has(combination);
  assert(isNew || datagram.isOverfull, `${combination} was told twice`);
  datagram.told.add(combination);
}
