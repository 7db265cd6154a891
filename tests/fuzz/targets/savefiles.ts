/**
 * Capture files: read whole and in chunks of any size, they give the same.
 *
 * @module
 */

import { CaptureFileError, Detector } from "../../../mod.ts";
import { SavefileReader } from "../../../library/savefile.ts";
import { SUPPORTED_LINK_TYPES } from "../../../library/packet.ts";
import { assert, assertEquals, assertInstanceOf } from "../../assert.ts";
import { captureFiles } from "../../captures.ts";
import {
  type Bytes,
  concat,
  FILE_KINDS,
  pcap as writePcap,
  PcapngWriter,
  scanFile,
  START,
} from "../../packets.ts";
import { below, chunked, pick, type Random, seeded } from "../../random.ts";
import { checkReport } from "../lines.ts";
import { mutateBytes } from "../mutate.ts";
import { eachRecord } from "../session.ts";
import {
  hashOf,
  magnitude,
  type Outcome,
  shape,
  type Target,
} from "../target.ts";
import { makeSession } from "../traffic.ts";

/** What a reader gave, in a form that can be compared. */
interface Reading {
  packets: number;
  /** All fields and bytes of all packets. */
  hash: number;
  error?: CaptureFileError;
  offset: number;
}

const FIELDS = new Float64Array(4);
const FIELD_BYTES = new Uint8Array(FIELDS.buffer);

/** Reads a file; anything but a {@linkcode CaptureFileError} passes. */
export function read(
  chunks: Iterable<Uint8Array<ArrayBuffer>>,
  handler: ConstructorParameters<typeof SavefileReader>[0] = () => {},
): Reading {
  const reading: Reading = { packets: 0, hash: 0, offset: 0 };
  const reader = new SavefileReader((packet) => {
    const { view, offset, length, time, direction, linkType } = packet;
    assert(SUPPORTED_LINK_TYPES.includes(linkType), `link type ${linkType}`);
    assert(!Number.isNaN(time), "the time is not a number");
    const start = view.byteOffset + offset;
    const bytes = new Uint8Array(view.buffer as ArrayBuffer, start, length);
    FIELDS.set([length, time, direction, linkType]);
    reading.hash = Math.imul(reading.hash, 31) ^ hashOf(bytes) ^
      hashOf(FIELD_BYTES);
    reading.packets++;
    handler(packet);
  });
  try {
    for (const chunk of chunks) reader.push(chunk);
    reader.end();
  } catch (error) {
    assertInstanceOf(error, CaptureFileError, `${(error as Error).stack}`);
    reading.error = error;
  }
  reading.offset = reader.offset;
  return reading;
}

/** Reads a file in both ways, and looks for scans in it. */
function run(file: Bytes): Outcome {
  // One detector for thousands of files: its tables cost more than a file.
  const whole = read([file], (packet) => shared.detector().packet(packet));
  const random = seeded(hashOf(file));
  const sizes = [1, 2, 7, 64, 1000, 70_000];
  const largest = Math.max(pick(random, sizes), file.length >> 8);
  const inChunks = read(chunked(random, file, largest));
  assert(whole.offset <= file.length, `byte ${whole.offset}`);
  assertEquals(told(inChunks), told(whole), "whole and in chunks differ");
  const error = whole.error === undefined ? "" : shape(whole.error.message);
  return { units: 1, signature: `${magnitude(whole.packets)} ${error}` };
}

function told({ packets, hash, error }: Reading) {
  return {
    packets,
    hash,
    message: error?.message,
    offset: error?.offset,
    needed: error?.needed,
  };
}

/** A detector that many files share, made anew at times. */
const shared = new class {
  #detector: Detector | undefined;
  #packets = 0;

  detector(): Detector {
    if (this.#detector === undefined || ++this.#packets % 10_000 === 0) {
      this.#detector = new Detector(checkReport, {
        random: seeded(1),
        sources: 1024,
        logBurst: 0,
      });
    }
    return this.#detector;
  }
}();

/** Some packets of a session, with their link types. */
function somePackets(random: Random): [linkType: number, bytes: Bytes][] {
  const session = makeSession(random, 8);
  const all: [number, Bytes][] = [];
  eachRecord(session, ({ offset, length, linkType }) => {
    if (all.length < 8) {
      all.push([linkType, session.slice(offset, offset + length)]);
    }
  });
  return all;
}

function makePcap(random: Random): Bytes {
  const packets = somePackets(random);
  const kind = pick(random, FILE_KINDS);
  const linkType = below(random, 64) === 0
    ? random() & 0xffff
    : packets[0]?.[0];
  return writePcap(
    { ...kind, linkType },
    packets.map(([, bytes], i) => ({
      seconds: below(random, 8) === 0 ? random() : START / 1000 + i,
      fraction: below(random, 8) === 0 ? random() : i,
      bytes,
    })),
  );
}

/** Option codes that mean something, and some that do not. */
const OPTIONS = [0, 1, 2, 9, 14, 5, 0x8000, 0xffff];

function someOptions(random: Random, writer: PcapngWriter): Bytes[] {
  return Array.from({ length: below(random, 4) }, () => {
    const length = pick(random, [0, 1, 4, 8, 12]);
    const value = Uint8Array.from({ length }, () => random());
    return writer.option(pick(random, OPTIONS), value);
  });
}

function makePcapng(random: Random): Bytes {
  const blocks: Bytes[] = [];
  for (let sections = 1 + below(random, 2); sections > 0; sections--) {
    const writer = new PcapngWriter(below(random, 2) === 0);
    blocks.push(writer.section());
    const packets = somePackets(random);
    let interfaces = 0;
    for (const [linkType, bytes] of packets) {
      if (interfaces === 0 || below(random, 4) === 0) {
        const options = someOptions(random, writer);
        blocks.push(writer.interface(linkType, ...options));
        interfaces++;
      }
      blocks.push(packetBlock(random, writer, interfaces, bytes));
    }
  }
  return concat(...blocks);
}

function packetBlock(
  random: Random,
  writer: PcapngWriter,
  interfaces: number,
  bytes: Bytes,
): Bytes {
  const isWrong = below(random, 64) === 0;
  const id = isWrong ? random() & 0xffff : below(random, interfaces);
  const stamp = BigInt(START) * 1000n + BigInt(below(random, 1 << 20));
  switch (below(random, 6)) {
    case 0:
      return writer.simplePacket(bytes);
    case 1:
      return writer.oldPacket(id, stamp, bytes);
    case 2: {
      const type = pick(random, [4, 5, 10, 0x0bad, 0x80000001]);
      return writer.block(type, bytes);
    }
    default:
      return writer.packet(id, stamp, bytes, ...someOptions(random, writer));
  }
}

/** Short files break as much as long ones, and sooner. */
const LONGEST = 8192;

/** Varies a file, whatever its bytes mean. */
export function mutateFile(random: Random, input: Bytes, other: Bytes): Bytes {
  return mutateBytes(random, input, other, LONGEST);
}

/** The test captures whose name ends so. */
export function captures(ending: string): Bytes[] {
  return captureFiles()
    .filter(({ name }) => name.endsWith(ending))
    .map(({ path }) => Deno.readFileSync(path));
}

/** Classic capture files. */
export const pcap: Target = {
  name: "pcap",
  unit: "files",
  code: ["capture/"],
  seeds: () => [
    ...captures(".pcap"),
    ...FILE_KINDS.map((kind) => scanFile([22, 23], kind)),
  ],
  generate: makePcap,
  mutate: mutateFile,
  run,
};

/** pcapng files. */
export const pcapng: Target = {
  name: "pcapng",
  unit: "files",
  code: ["capture/"],
  seeds: () => captures(".pcapng"),
  generate: makePcapng,
  mutate: mutateFile,
  run,
};
