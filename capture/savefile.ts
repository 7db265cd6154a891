/**
 * Capture files, as a stream of chunks: pcap and pcapng.
 *
 * The reader takes bytes, never a file name, so it runs anywhere and can be fed
 * anything. Packets are handed out in place where a chunk holds the whole
 * record; only a record that straddles chunks is copied.
 *
 * @module
 */

import { Detector } from "../detect/detector.ts";
import type { DetectorOptions } from "../detect/options.ts";
import type { PacketHandler } from "../detect/packet.ts";
import type { Report } from "../detect/report.ts";
import { CaptureFileError, type SavefileFormat } from "./savefile_format.ts";
import {
  PCAP_MICROSECONDS,
  PCAP_MICROSECONDS_SWAPPED,
  PCAP_NANOSECONDS,
  PCAP_NANOSECONDS_SWAPPED,
  PcapFormat,
} from "./savefile_pcap.ts";
import { MAX_BLOCK, PcapngFormat, SECTION_HEADER } from "./savefile_pcapng.ts";

export { CaptureFileError };

/** The longest item of any format, in bytes. */
const MAX_ITEM = MAX_BLOCK;
/** Room for an ordinary item; what a file claims is no reason to take more. */
const ORDINARY_ITEM = 2048;

/** Enough of a file to tell its format. */
const MAGIC_LENGTH = 4;

function formatOf(magic: number, handler: PacketHandler): SavefileFormat {
  switch (magic) {
    case PCAP_MICROSECONDS:
    case PCAP_NANOSECONDS:
    case PCAP_MICROSECONDS_SWAPPED:
    case PCAP_NANOSECONDS_SWAPPED:
      return new PcapFormat(magic, handler);
    case SECTION_HEADER:
      return new PcapngFormat(handler);
  }
  throw new CaptureFileError(
    `not a capture file: it starts with ${
      magic.toString(16).padStart(8, "0")
    }, which is no magic number of pcap or pcapng`,
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
  #held = new Uint8Array(ORDINARY_ITEM);
  #heldView = new DataView(this.#held.buffer);
  #heldLength = 0;
  /** Bytes that come next and are to be passed over. */
  #skipped = 0;
  /** Bytes of the file before those held. */
  #offset = 0;

  /**
   * Makes a reader.
   *
   * @param handler Called with each packet while a chunk is pushed.
   */
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
    const held = this.#heldLength > 0 ? this.#completeHeld(chunk) : 0;
    const rest = this.#skip(held, chunk.length);
    if (rest === chunk.length) return;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const taken = this.#take(view, rest, chunk.length);
    this.#hold(chunk.subarray(taken));
  }

  /**
   * Ends the file.
   *
   * @throws {CaptureFileError} If it ends inside a header or a record, or if it
   * is empty.
   */
  end(): void {
    const { item, needed, mayEnd } = this.#format ??
      { item: "file header", needed: MAGIC_LENGTH, mayEnd: false };
    if (mayEnd && this.#heldLength === 0 && this.#skipped === 0) return;
    const missing = this.#skipped > 0 ? this.#skipped : needed;
    throw new CaptureFileError(
      `the file is cut off in a ${item}: ${missing} bytes needed, ${this.#heldLength} had`,
      this.#offset,
      missing,
      this.#heldLength,
    );
  }

  /** Takes whole items from a buffer whose `start` is at the file's offset. */
  #take(view: DataView, start: number, end: number): number {
    try {
      if (this.#format === undefined) {
        if (end - start < MAGIC_LENGTH) return start;
        this.#format = formatOf(view.getUint32(start), this.#handler);
      }
      const next = this.#format.take(view, start, end);
      const taken = Math.min(next, end);
      this.#skipped = next - taken;
      this.#offset += taken - start;
      return taken;
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

  /** Passes over bytes of a chunk from `at` on; returns where it goes on. */
  #skip(at: number, end: number): number {
    const skipped = Math.min(this.#skipped, end - at);
    this.#skipped -= skipped;
    this.#offset += skipped;
    return at + skipped;
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
      this.#held.copyWithin(0, taken, this.#heldLength);
      this.#heldLength -= taken;
    }
    return used;
  }

  #hold(bytes: Uint8Array): void {
    const length = this.#heldLength + bytes.length;
    if (length > this.#held.length) this.#grow(length);
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength = length;
  }

  /** Makes room for so many bytes that are there, at most {@linkcode MAX_ITEM}. */
  #grow(length: number): void {
    const held = this.#held.subarray(0, this.#heldLength);
    this.#held = new Uint8Array(
      Math.min(MAX_ITEM, Math.max(2 * this.#held.length, length)),
    );
    this.#held.set(held);
    this.#heldView = new DataView(this.#held.buffer);
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
  detector.finish();
  yield* reports.splice(0);
  if (failure !== undefined) throw failure;
}
