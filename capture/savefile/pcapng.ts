/**
 * The pcapng file format (draft-ietf-opsawg-pcapng): sections, interfaces,
 * packets. All other blocks are passed over without being held.
 *
 * @module
 */

import { LINK_TYPES, type PacketKinds } from "../../detect/packet/kinds.ts";
import { isSupportedLinkType } from "../../detect/packet/link.ts";
import {
  type Direction,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  Packet,
  type PacketHandler,
} from "../../detect/packet/packet.ts";
import { CaptureFileError, MAX_RECORD, type SavefileFormat } from "./format.ts";
import type { FileClock } from "./file_clock.ts";

/** The type of a section header block, the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BYTE_ORDER_MAGIC_SWAPPED = 0x4d3c2b1a;

/** A block's type and total length come first, its total length again last. */
const BLOCK_HEADER = 8;
const BLOCK_TRAILER = 4;
const SECTION_BODY = 16;
/** Fixed parts of the packet blocks, from the block's start. */
const ENHANCED_HEADER = 28;
const SIMPLE_HEADER = 12;
const INTERFACE_HEADER = 16;

// Options (section 3.5, 4.2, 4.3 of the draft).
const OPTION_END = 0;
const EPB_FLAGS = 2;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

/** A file has as many as a host has; a hostile one has millions. */
const MAX_INTERFACES = 65_536;
/** Above this, the exact way to divide would not be exact. */
const MAX_EXACT_UNITS = 1e11;
/**
 * What a Date can be, in milliseconds (ECMA-262, 21.4.1.1). A time stamp with a
 * coarse resolution can be far beyond, where a report could not be written.
 */
const MAX_TIME = 8.64e15;

/** What an interface description block says. */
interface InterfaceDescription {
  linkType: number;
  snapLength: number;
  /** Time stamp units in a second. */
  unitsPerSecond: number;
  /** Seconds to add to a time stamp. */
  offset: number;
}

/** Takes pcapng blocks out of a buffer. */
export class PcapngFormat implements SavefileFormat {
  needed = BLOCK_HEADER;
  item = "block";
  hasPackets = false;
  readonly #packet = new Packet();
  readonly #handler: PacketHandler;
  readonly #clock: FileClock;
  readonly #skipped: PacketKinds;
  #interfaces: InterfaceDescription[] = [];
  #littleEndian = false;
  /** The total length that the end of the current block must repeat, or 0. */
  #trailer = 0;

  /**
   * @param skipped Counts the packets of interfaces whose link type is not
   * supported.
   */
  constructor(handler: PacketHandler, clock: FileClock, skipped: PacketKinds) {
    this.#handler = handler;
    this.#clock = clock;
    this.#skipped = skipped;
  }

  get mayEnd(): boolean {
    return this.#trailer === 0;
  }

  take(view: DataView, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const next = this.#trailer > 0
        ? this.#takeTrailer(view, at, end)
        : this.#takeBlock(view, at, end);
      if (next === at) return at;
      at = next;
    }
    this.needed = this.#trailer > 0 ? BLOCK_TRAILER : BLOCK_HEADER;
    return at;
  }

  /** Returns `at` if more bytes are needed. */
  #takeTrailer(view: DataView, at: number, end: number): number {
    if (!this.#has(BLOCK_TRAILER, at, end)) return at;
    const length = view.getUint32(at, this.#littleEndian);
    if (length !== this.#trailer) {
      throw new CaptureFileError(
        `a block of ${this.#trailer} bytes claims ${length} bytes at its end`,
        at,
      );
    }
    this.#trailer = 0;
    return at + BLOCK_TRAILER;
  }

  /** Returns `at` if more bytes are needed, else where the trailer stands. */
  #takeBlock(view: DataView, at: number, end: number): number {
    if (!this.#has(BLOCK_HEADER, at, end)) return at;
    const isSection = view.getUint32(at) === SECTION_HEADER;
    if (isSection) {
      if (!this.#has(BLOCK_HEADER + SECTION_BODY, at, end)) return at;
      this.#takeSection(view, at);
    }
    const length = view.getUint32(at + 4, this.#littleEndian);
    checkBlockLength(length, at);
    const type = view.getUint32(at, this.#littleEndian);
    if (!isSection && !this.#takeBody(view, at, end, type, length)) return at;
    this.#trailer = length;
    return at + length - BLOCK_TRAILER;
  }

  #has(bytes: number, at: number, end: number): boolean {
    this.needed = bytes;
    return end - at >= bytes;
  }

  #takeSection(view: DataView, at: number): void {
    const magic = view.getUint32(at + BLOCK_HEADER);
    if (magic !== BYTE_ORDER_MAGIC && magic !== BYTE_ORDER_MAGIC_SWAPPED) {
      throw new CaptureFileError(
        `a section has the byte-order magic ${magic.toString(16)}`,
        at + BLOCK_HEADER,
      );
    }
    this.#littleEndian = magic === BYTE_ORDER_MAGIC_SWAPPED;
    const major = view.getUint16(at + 12, this.#littleEndian);
    if (major !== 1) {
      throw new CaptureFileError(
        `version ${major} of pcapng is not supported, only 1`,
        at + 12,
      );
    }
    this.#interfaces = [];
  }

  /** Returns whether all that is needed of the block was there. */
  #takeBody(
    view: DataView,
    at: number,
    end: number,
    type: number,
    length: number,
  ): boolean {
    switch (type) {
      case INTERFACE_DESCRIPTION:
      case ENHANCED_PACKET:
      case OBSOLETE_PACKET:
      case SIMPLE_PACKET:
        break;
      default:
        return true;
    }
    const body = length - BLOCK_TRAILER;
    if (body > MAX_BLOCK) throw blockTooLong(length, at);
    if (!this.#has(body, at, end)) return false;
    const blockEnd = at + body;
    if (type === INTERFACE_DESCRIPTION) {
      this.#takeInterface(view, at, blockEnd);
    } else if (type === SIMPLE_PACKET) {
      this.#takeSimplePacket(view, at, blockEnd);
    } else this.#takePacket(view, at, blockEnd, type === ENHANCED_PACKET);
    return true;
  }

  #takeInterface(view: DataView, at: number, end: number): void {
    requireBytes(at, end, INTERFACE_HEADER);
    if (this.#interfaces.length === MAX_INTERFACES) {
      throw new CaptureFileError(
        `a section has more than ${MAX_INTERFACES} interfaces`,
        at,
      );
    }
    const littleEndian = this.#littleEndian;
    const description: InterfaceDescription = {
      linkType: view.getUint16(at + 8, littleEndian),
      snapLength: view.getUint32(at + 12, littleEndian),
      unitsPerSecond: 1e6,
      offset: 0,
    };
    this.#eachOption(view, at + INTERFACE_HEADER, end, (code, value, size) => {
      if (code === IF_TSRESOL && size >= 1) {
        description.unitsPerSecond = unitsPerSecond(view.getUint8(value));
      } else if (code === IF_TSOFFSET && size >= 8) {
        const high = view.getInt32(
          value + (littleEndian ? 4 : 0),
          littleEndian,
        );
        const low = view.getUint32(
          value + (littleEndian ? 0 : 4),
          littleEndian,
        );
        description.offset = high * 2 ** 32 + low;
      }
    });
    this.#interfaces.push(description);
  }

  /** Calls back with each option's code, and its value's offset and size. */
  #eachOption(
    view: DataView,
    start: number,
    end: number,
    callback: (code: number, value: number, size: number) => void,
  ): void {
    for (let at = start; at + 4 <= end;) {
      const code = view.getUint16(at, this.#littleEndian);
      const size = view.getUint16(at + 2, this.#littleEndian);
      if (code === OPTION_END || at + 4 + size > end) return;
      callback(code, at + 4, size);
      at += 4 + ((size + 3) & ~3);
    }
  }

  /** An enhanced packet block, or an obsolete one, which differs in one field. */
  #takePacket(
    view: DataView,
    at: number,
    end: number,
    isEnhanced: boolean,
  ): void {
    requireBytes(at, end, ENHANCED_HEADER);
    const littleEndian = this.#littleEndian;
    const index = isEnhanced
      ? view.getUint32(at + 8, littleEndian)
      : view.getUint16(at + 8, littleEndian);
    const description = this.#interface(index, at);
    const length = view.getUint32(at + 20, littleEndian);
    const data = at + ENHANCED_HEADER;
    requireBytes(data, end, length);
    const packet = this.#packet;
    const time = toMilliseconds(
      view.getUint32(at + 12, littleEndian),
      view.getUint32(at + 16, littleEndian),
      description,
    );
    packet.wallTime = Math.max(-MAX_TIME, Math.min(time, MAX_TIME));
    packet.direction = this.#direction(view, data + ((length + 3) & ~3), end);
    packet.originalLength = view.getUint32(at + 24, littleEndian);
    this.#handOn(view, data, length, description);
  }

  #direction(view: DataView, options: number, end: number): Direction {
    let direction: Direction = DIRECTION_UNKNOWN;
    if (options + 8 > end) return direction;
    this.#eachOption(view, options, end, (code, value, size) => {
      if (code !== EPB_FLAGS || size !== 4) return;
      const bits = view.getUint32(value, this.#littleEndian) & 3;
      if (bits === 1) direction = DIRECTION_IN;
      else if (bits === 2) direction = DIRECTION_OUT;
    });
    return direction;
  }

  /**
   * A simple packet block has no time stamp: its packet counts as seen together
   * with the one before.
   */
  #takeSimplePacket(view: DataView, at: number, end: number): void {
    requireBytes(at, end, SIMPLE_HEADER);
    const description = this.#interface(0, at);
    const original = view.getUint32(at + 8, this.#littleEndian);
    const data = at + SIMPLE_HEADER;
    const limit = description.snapLength || MAX_RECORD;
    const length = Math.min(original, limit, end - data);
    this.#packet.direction = DIRECTION_UNKNOWN;
    this.#packet.originalLength = original;
    this.#handOn(view, data, length, description);
  }

  #interface(index: number, at: number): InterfaceDescription {
    const description = this.#interfaces[index];
    if (description === undefined) {
      throw new CaptureFileError(
        `a packet names interface ${index}, but only ${this.#interfaces.length} are described`,
        at,
      );
    }
    return description;
  }

  #handOn(
    view: DataView,
    offset: number,
    length: number,
    { linkType }: InterfaceDescription,
  ): void {
    if (!isSupportedLinkType(linkType)) {
      this.#skipped.count(LINK_TYPES, linkType);
      return;
    }
    const packet = this.#packet;
    packet.view = view;
    packet.offset = offset;
    packet.length = length;
    packet.linkType = linkType;
    packet.time = this.#clock.timeOf(packet.wallTime);
    this.hasPackets = true;
    this.#handler(packet);
  }
}

/** Longest block that is looked into: a packet, and room for its options. */
export const MAX_BLOCK = MAX_RECORD + ENHANCED_HEADER + 65_536;

function checkBlockLength(length: number, at: number): void {
  if (length >= BLOCK_HEADER + BLOCK_TRAILER && length % 4 === 0) return;
  throw new CaptureFileError(
    `a block claims ${length} bytes, at least 12 and a multiple of 4 are needed`,
    at + 4,
  );
}

function blockTooLong(length: number, at: number): CaptureFileError {
  return new CaptureFileError(
    `a block of a packet or an interface claims ${length} bytes, at most ${MAX_BLOCK} are possible`,
    at + 4,
  );
}

function requireBytes(at: number, end: number, needed: number): void {
  if (end - at >= needed) return;
  throw new CaptureFileError(
    `a block is too short for what it claims: ${needed} bytes needed, ${
      Math.max(0, end - at)
    } found`,
    at,
    needed,
    Math.max(0, end - at),
  );
}

/** if_tsresol: a negative power of 10, or with the upper bit set, of 2. */
function unitsPerSecond(resolution: number): number {
  const exponent = resolution & 0x7f;
  return (resolution & 0x80) !== 0 ? 2 ** exponent : 10 ** exponent;
}

/**
 * A 64-bit time stamp in milliseconds. A double has too few bits for
 * nanoseconds since 1970, so the seconds are divided off first, 16 bits at a
 * time; every step is exact.
 */
function toMilliseconds(
  high: number,
  low: number,
  { unitsPerSecond, offset }: InterfaceDescription,
): number {
  if (unitsPerSecond > MAX_EXACT_UNITS) {
    return ((high * 2 ** 32 + low) / unitsPerSecond + offset) * 1000;
  }
  const middle = (high % unitsPerSecond) * 65_536 + (low >>> 16);
  const rest = (middle % unitsPerSecond) * 65_536 + (low & 0xffff);
  const seconds = Math.floor(high / unitsPerSecond) * 2 ** 32 +
    Math.floor(middle / unitsPerSecond) * 65_536 +
    Math.floor(rest / unitsPerSecond);
  const units = rest % unitsPerSecond;
  return (seconds + offset) * 1000 + units / (unitsPerSecond / 1000);
}
