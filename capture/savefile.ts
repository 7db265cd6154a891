/**
 * Capture files, as a stream of chunks: classic pcap in both byte orders, with
 * microseconds and nanoseconds.
 *
 * The reader takes bytes, never a file name, so it runs anywhere and can be fed
 * anything. Packets are handed out in place where a chunk holds the whole
 * record; only a record that straddles chunks is copied.
 *
 * @module
 */

import { Detector } from "../detect/detector.ts";
import { isSupportedLinkType, linkTypeName } from "../detect/link.ts";
import type { DetectorOptions } from "../detect/options.ts";
import { Packet, type PacketHandler } from "../detect/packet.ts";
import type { Report } from "../detect/report.ts";

/** Why a capture file could not be read to its end. */
export class CaptureFileError extends Error {
  /** "CaptureFileError". */
  override name = "CaptureFileError";
  /** Where in the file the damage was met, in bytes. */
  readonly offset: number;
  /** How many bytes were needed there, if it is bytes that are missing. */
  readonly needed?: number;
  /** How many bytes there were. */
  readonly had?: number;

  /** Describes damage of a file. */
  constructor(
    message: string,
    offset: number,
    needed?: number,
    had?: number,
  ) {
    super(message);
    this.offset = offset;
    this.needed = needed;
    this.had = had;
  }
}

/**
 * A file format: takes whole items (headers, records) out of a buffer. Between
 * calls it remembers how many bytes the next item needs.
 */
export interface SavefileFormat {
  /** Bytes of the next item, as far as known. */
  readonly needed: number;
  /** What an item is called in messages. */
  readonly item: string;
  /**
   * Takes whole items from `start` on.
   *
   * @returns Where the first item starts that is not whole.
   * @throws {CaptureFileError} If an item is damaged; its offset is relative to
   * the view.
   */
  take(view: DataView, start: number, end: number): number;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** libpcap's MAXIMUM_SNAPLEN: no record of any tool is longer. */
const MAX_RECORD = 262_144;

// First four bytes, read big-endian (pcap-savefile(5)).
const PCAP_MICROSECONDS = 0xa1b2c3d4;
const PCAP_NANOSECONDS = 0xa1b23c4d;
const PCAP_MICROSECONDS_SWAPPED = 0xd4c3b2a1;
const PCAP_NANOSECONDS_SWAPPED = 0x4d3cb2a1;

/** Classic pcap (pcap-savefile(5)). */
class PcapFormat implements SavefileFormat {
  needed = FILE_HEADER;
  item = "file header";
  readonly #packet = new Packet();
  readonly #handler: PacketHandler;
  readonly #littleEndian: boolean;
  readonly #unitsPerMillisecond: number;
  #hasHeader = false;

  constructor(magic: number, handler: PacketHandler) {
    this.#handler = handler;
    this.#littleEndian = magic === PCAP_MICROSECONDS_SWAPPED ||
      magic === PCAP_NANOSECONDS_SWAPPED;
    this.#unitsPerMillisecond =
      magic === PCAP_NANOSECONDS || magic === PCAP_NANOSECONDS_SWAPPED
        ? 1_000_000
        : 1000;
  }

  take(view: DataView, start: number, end: number): number {
    if (this.#hasHeader) return this.#takeRecords(view, start, end);
    if (end - start < FILE_HEADER) return start;
    this.#takeHeader(view, start);
    return this.#takeRecords(view, start + FILE_HEADER, end);
  }

  #takeHeader(view: DataView, start: number): void {
    const major = view.getUint16(start + 4, this.#littleEndian);
    const minor = view.getUint16(start + 6, this.#littleEndian);
    if (major !== 2) {
      throw new CaptureFileError(
        `version ${major}.${minor} of pcap is not supported, only 2.x`,
        start + 4,
      );
    }
    // The upper 16 bits tell about frame check sequences.
    const linkType = view.getUint32(start + 20, this.#littleEndian) & 0xffff;
    checkLinkType(linkType, start + 20);
    this.#packet.linkType = linkType;
    this.#hasHeader = true;
    this.item = "record";
    this.needed = RECORD_HEADER;
  }

  #takeRecords(view: DataView, start: number, end: number): number {
    const littleEndian = this.#littleEndian;
    const packet = this.#packet;
    packet.view = view;
    let at = start;
    while (at + RECORD_HEADER <= end) {
      const length = view.getUint32(at + 8, littleEndian);
      if (length > MAX_RECORD) throw tooLong(length, at);
      const next = at + RECORD_HEADER + length;
      if (next > end) {
        this.needed = RECORD_HEADER + length;
        return at;
      }
      packet.time = view.getUint32(at, littleEndian) * 1000 +
        view.getUint32(at + 4, littleEndian) / this.#unitsPerMillisecond;
      packet.wallTime = packet.time;
      packet.direction = 0;
      packet.offset = at + RECORD_HEADER;
      packet.length = length;
      this.#handler(packet);
      at = next;
    }
    this.needed = RECORD_HEADER;
    return at;
  }
}

function tooLong(length: number, offset: number): CaptureFileError {
  return new CaptureFileError(
    `a record claims ${length} bytes, at most ${MAX_RECORD} are possible`,
    offset,
  );
}

function checkLinkType(linkType: number, offset: number): void {
  if (isSupportedLinkType(linkType)) return;
  throw new CaptureFileError(
    `link type ${linkType} (${linkTypeName(linkType)}) is not supported`,
    offset,
  );
}

/** Enough of a file to tell its format. */
const MAGIC_LENGTH = 4;

function formatOf(magic: number, handler: PacketHandler): SavefileFormat {
  switch (magic) {
    case PCAP_MICROSECONDS:
    case PCAP_NANOSECONDS:
    case PCAP_MICROSECONDS_SWAPPED:
    case PCAP_NANOSECONDS_SWAPPED:
      return new PcapFormat(magic, handler);
  }
  throw new CaptureFileError(
    `not a capture file: it starts with ${
      magic.toString(16).padStart(8, "0")
    }, which is no magic number of pcap`,
    0,
  );
}

/**
 * Reads a capture file chunk by chunk.
 *
 * @example
 * ```ts
 * import { SavefileReader } from "@scanlogd/scanlogd";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const file = new Uint8Array(24 + 16 + 20); // a header and a record
 * const view = new DataView(file.buffer);
 * view.setUint32(0, 0xa1b2c3d4);
 * view.setUint16(4, 2);
 * view.setUint32(20, 101); // LINKTYPE_RAW
 * view.setUint32(24 + 8, 20);
 *
 * let packets = 0;
 * const reader = new SavefileReader(() => packets++);
 * reader.push(file.subarray(0, 30));
 * reader.push(file.subarray(30));
 * reader.end();
 * assertEquals(packets, 1);
 *
 * reader.push(file.subarray(0, 7));
 * assertThrows(() => reader.end(), Error, "16 bytes needed, 7 had");
 * ```
 */
export class SavefileReader {
  readonly #handler: PacketHandler;
  #format: SavefileFormat | undefined;
  /** The beginning of an item that is not whole yet. */
  #held = new Uint8Array(RECORD_HEADER + MAX_RECORD);
  #heldView = new DataView(this.#held.buffer);
  #heldLength = 0;
  /** Bytes of the file before those held. */
  #offset = 0;

  /** @param handler Called with each packet while a chunk is pushed. */
  constructor(handler: PacketHandler) {
    this.#handler = handler;
  }

  /** How many bytes of the file were taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Reads on in a further chunk, which may be reused afterwards.
   *
   * @throws {CaptureFileError} If the file is damaged. All packets before the
   * damage have been handed out.
   */
  push(chunk: Uint8Array): void {
    const rest = this.#heldLength > 0 ? this.#completeHeld(chunk) : 0;
    if (rest === chunk.length) return;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const taken = this.#take(view, rest, chunk.length);
    this.#offset += taken - rest;
    this.#hold(chunk.subarray(taken));
  }

  /**
   * Ends the file.
   *
   * @throws {CaptureFileError} If it ends inside a header or a record, or if it
   * is empty.
   */
  end(): void {
    const { needed, item } = this.#format ??
      { needed: MAGIC_LENGTH, item: "file header" };
    if (this.#heldLength === 0 && this.#offset > 0) return;
    throw new CaptureFileError(
      `the file is cut off in a ${item}: ${needed} bytes needed, ${this.#heldLength} had`,
      this.#offset,
      needed,
      this.#heldLength,
    );
  }

  /** Takes from a buffer that starts at the file's offset of `start`. */
  #take(view: DataView, start: number, end: number): number {
    try {
      if (this.#format === undefined) {
        if (end - start < MAGIC_LENGTH) return start;
        this.#format = formatOf(view.getUint32(start), this.#handler);
      }
      return this.#format.take(view, start, end);
    } catch (error) {
      if (!(error instanceof CaptureFileError)) throw error;
      throw new CaptureFileError(
        error.message,
        this.#offset + error.offset - start,
        error.needed,
        error.had,
      );
    }
  }

  /**
   * Completes the held item with the beginning of a chunk.
   *
   * @returns How many bytes of the chunk it took.
   */
  #completeHeld(chunk: Uint8Array): number {
    let used = 0;
    while (this.#heldLength > 0 && used < chunk.length) {
      const needed = this.#format?.needed ?? MAGIC_LENGTH;
      const part = chunk.subarray(used, used + needed - this.#heldLength);
      this.#hold(part);
      used += part.length;
      if (this.#heldLength < needed) break;
      const taken = this.#take(this.#heldView, 0, this.#heldLength);
      this.#offset += taken;
      this.#held.copyWithin(0, taken, this.#heldLength);
      this.#heldLength -= taken;
    }
    return used;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength += bytes.length;
  }
}

/**
 * Finds the scans in a capture file.
 *
 * @param chunks The file: its bytes, or its chunks in order. A
 * `ReadableStream<Uint8Array>` will do where streams can be iterated over.
 * @param options Options of the detector.
 * @throws {CaptureFileError} If the file is damaged, after the scans before the
 * damage.
 * @throws {RangeError} If an option is outside its range.
 *
 * @example
 * ```ts
 * import { findScans } from "@scanlogd/scanlogd";
 * import { assertRejects } from "@std/assert";
 *
 * const scans = findScans(new TextEncoder().encode("no capture file"));
 * await assertRejects(() => scans.next(), Error, "not a capture file");
 * ```
 */
export async function* findScans(
  chunks: Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: DetectorOptions = {},
): AsyncGenerator<Report, void, void> {
  const reports: Report[] = [];
  const detector = new Detector((report) => reports.push(report), options);
  const reader = new SavefileReader((packet) => detector.packet(packet));
  let failure: unknown;
  try {
    for await (
      const chunk of chunks instanceof Uint8Array ? [chunks] : chunks
    ) {
      reader.push(chunk);
      yield* reports.splice(0);
    }
    reader.end();
  } catch (error) {
    failure = error;
  }
  yield* reports.splice(0);
  if (failure !== undefined) throw failure;
}
