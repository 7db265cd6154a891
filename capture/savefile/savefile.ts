/**
 * Capture files, as a stream of chunks: pcap and pcapng.
 *
 * The reader takes bytes, never a file name, so it runs anywhere and can be fed
 * anything. Packets are handed out in place where a chunk holds the whole
 * record; only a record that straddles chunks is copied.
 *
 * @module
 */

import { PacketKinds } from "../../detect/packet/kinds.ts";
import type { PacketHandler } from "../../detect/packet/packet.ts";
import { FileClock } from "./file_clock.ts";
import { CaptureFileError, type SavefileFormat } from "./format.ts";
import {
  PCAP_MICROSECONDS,
  PCAP_MICROSECONDS_SWAPPED,
  PCAP_NANOSECONDS,
  PCAP_NANOSECONDS_SWAPPED,
  PcapFormat,
} from "./pcap.ts";
import { mayBeLines, NAMING_LENGTH, refuseFormat } from "./other_formats.ts";
import { MAX_BLOCK, PcapngFormat, SECTION_HEADER } from "./pcapng.ts";
import { ProbeFormat } from "./probe_records.ts";

export { CaptureFileError };

/** The longest item of any format, in bytes. */
const MAX_ITEM = MAX_BLOCK;
/** Room for an ordinary item; what a file claims is no reason to take more. */
const ORDINARY_ITEM = 2048;

/** Enough of a file to tell its format. */
const MAGIC_LENGTH = 4;

/** A file of probe records begins with an object. */
const BRACE = 0x7b;

/** What a reader may be told. */
export interface SavefileOptions {
  /**
   * Smaller steps back in time do not count, in milliseconds [1000].
   */
  smallStep?: number;
  /** How late a probe record may come, in milliseconds [10 s]. */
  lateness?: number;
  /** Tells the time in milliseconds since 1970: no probe record is later. */
  now?: () => number;
}

/**
 * Reads a capture file chunk by chunk.
 *
 * @example
 * ```ts
 * import { SavefileReader } from "@scanlogd/scanlogd/savefile";
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
 * assertThrows(() => reader.end(), Error, "16 bytes needed, 7 found");
 * ```
 */
export class SavefileReader {
  /**
   * Packets passed over because their interface's link type is not supported, by
   * kind.
   */
  readonly skipped: PacketKinds = new PacketKinds();
  readonly #handler: PacketHandler;
  readonly #options: SavefileOptions;
  readonly #clock: FileClock;
  #probes: ProbeFormat | undefined;
  #format: SavefileFormat | undefined;
  /** Why it is no capture file, unless one of its lines is a probe record. */
  #doubt: CaptureFileError | undefined;
  /** Bytes needed to tell the format, or what else the file is. */
  #magicNeeded = MAGIC_LENGTH;
  /** The beginning of an item that is not whole yet. */
  #held = new Uint8Array(ORDINARY_ITEM);
  #heldView = new DataView(this.#held.buffer);
  #heldLength = 0;
  /** Bytes that come next and are to be passed over. */
  #passed = 0;
  /** Bytes of the file before those held. */
  #offset = 0;

  /**
   * Makes a reader.
   *
   * @param handler Called with each packet while a chunk is pushed.
   * @param options What differs from the defaults.
   * @throws {TypeError} If there is nothing to call.
   */
  constructor(handler: PacketHandler, options: SavefileOptions = {}) {
    if (typeof handler !== "function") {
      throw new TypeError(
        `Cannot make a reader: what takes its packets must be a function, got ${handler}`,
      );
    }
    this.#options = options;
    this.#clock = new FileClock(options.smallStep);
    this.#handler = handler;
  }

  /** How many bytes of the file were taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the file is one of probe records, as far as is known. */
  get readsProbes(): boolean {
    return this.#probes !== undefined;
  }

  /** Lines of a file of probe records that are none. */
  get refused(): number {
    return this.#probes?.refused ?? 0;
  }

  /** Probe records that came too late, or from the future. */
  get late(): number {
    return this.#probes?.late ?? 0;
  }

  /**
   * Hands on what waits for others, once none have come for some milliseconds.
   *
   * @returns After how many more to ask again.
   */
  idle(waited: number): number {
    return this.#format?.idle?.(waited) ?? Infinity;
  }

  /** Hands on what waits for others: the file is not read on. */
  stop(): void {
    this.#format?.end?.();
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
    if (this.#format === undefined && this.#heldLength >= MAGIC_LENGTH) {
      throw refuseFormat(this.#heldView, 0, this.#heldLength);
    }
    if (mayEnd && this.#heldLength === 0 && this.#passed === 0) {
      this.#format?.end?.();
      if (this.#doubt !== undefined && !this.#format?.hasPackets) {
        throw this.#doubt;
      }
      return this.#checkLinkTypes();
    }
    const missing = this.#passed > 0 ? this.#passed : needed;
    throw new CaptureFileError(
      `the file is cut off in a ${item}: ${missing} bytes needed, ${this.#heldLength} found`,
      this.#offset,
      missing,
      this.#heldLength,
    );
  }

  /** A file is refused if all of its packets were passed over. */
  #checkLinkTypes(): void {
    const commonest = this.skipped.commonest();
    if (commonest === undefined || this.#format?.hasPackets) return;
    throw new CaptureFileError(
      `${commonest.name} is not supported, and no packet is of another one`,
      this.#offset,
    );
  }

  /** Takes whole items from a buffer whose `start` is at the file's offset. */
  #take(view: DataView, start: number, end: number): number {
    try {
      if (this.#format === undefined) {
        this.#format = this.#formatOf(view, start, end);
        if (this.#format === undefined) return start;
      }
      const next = this.#format.take(view, start, end);
      const taken = Math.min(next, end);
      this.#passed = next - taken;
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

  /**
   * The format of a file that begins at `start`; undefined if too little is
   * there to tell.
   */
  #formatOf(
    view: DataView,
    start: number,
    end: number,
  ): SavefileFormat | undefined {
    if (end - start < MAGIC_LENGTH) return undefined;
    const magic = view.getUint32(start);
    if (magic >>> 24 === BRACE) {
      return this.#probes = new ProbeFormat(this.#handler, this.#options);
    }
    switch (magic) {
      case PCAP_MICROSECONDS:
      case PCAP_NANOSECONDS:
      case PCAP_MICROSECONDS_SWAPPED:
      case PCAP_NANOSECONDS_SWAPPED:
        return new PcapFormat(magic, this.#handler, this.#clock);
      case SECTION_HEADER:
        return new PcapngFormat(this.#handler, this.#clock, this.skipped);
    }
    this.#magicNeeded = NAMING_LENGTH;
    if (end - start < NAMING_LENGTH) return undefined;
    const failure = refuseFormat(view, start, end);
    if (!mayBeLines(view, start, end)) throw failure;
    // The first line of a file that was rotated may be the rest of one.
    this.#doubt = failure;
    return this.#probes = new ProbeFormat(
      this.#handler,
      this.#options,
      failure,
    );
  }

  /** Passes over bytes of a chunk from `at` on; returns where it goes on. */
  #skip(at: number, end: number): number {
    const skipped = Math.min(this.#passed, end - at);
    this.#passed -= skipped;
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
      const needed = this.#format?.needed ?? this.#magicNeeded;
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
