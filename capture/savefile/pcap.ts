/**
 * The classic pcap file format (pcap-savefile(5)).
 *
 * @module
 */

import { Packet, type PacketHandler } from "../../detect/packet/packet.ts";
import {
  CaptureFileError,
  checkLinkType,
  MAX_RECORD,
  type SavefileFormat,
} from "./format.ts";
import type { FileClock } from "./file_clock.ts";

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** A year: no two records of a file are farther apart. */
const LONGEST_PAUSE_MS = 365 * 86_400_000;
// First four bytes, read big-endian (pcap-savefile(5)).
export const PCAP_MICROSECONDS = 0xa1b2c3d4;
export const PCAP_NANOSECONDS = 0xa1b23c4d;
export const PCAP_MICROSECONDS_SWAPPED = 0xd4c3b2a1;
export const PCAP_NANOSECONDS_SWAPPED = 0x4d3cb2a1;

/** Classic pcap (pcap-savefile(5)). */
export class PcapFormat implements SavefileFormat {
  needed = FILE_HEADER;
  item = "file header";
  readonly mayEnd = true;
  readonly #packet = new Packet();
  readonly #handler: PacketHandler;
  readonly #clock: FileClock;
  readonly #littleEndian: boolean;
  readonly #unitsPerMillisecond: number;
  hasPackets = false;
  #hasHeader = false;

  constructor(magic: number, handler: PacketHandler, clock: FileClock) {
    this.#handler = handler;
    this.#clock = clock;
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
      const fraction = view.getUint32(at + 4, littleEndian) /
        this.#unitsPerMillisecond;
      if (fraction >= 1000) this.#checkFraction(view, at);
      const length = view.getUint32(at + 8, littleEndian);
      if (length > MAX_RECORD) throw tooLong(length, at);
      const next = at + RECORD_HEADER + length;
      if (next > end) {
        this.needed = RECORD_HEADER + length;
        return at;
      }
      this.hasPackets = true;
      packet.wallTime = view.getUint32(at, littleEndian) * 1000 + fraction;
      packet.time = this.#clock.timeOf(packet.wallTime);
      packet.direction = 0;
      packet.offset = at + RECORD_HEADER;
      packet.length = length;
      packet.originalLength = view.getUint32(at + 12, littleEndian);
      this.#handler(packet);
      at = next;
    }
    this.needed = RECORD_HEADER;
    return at;
  }

  /**
   * Nokia's firewalls wrote headers of 20 bytes under pcap's magic number: then
   * the time of every record but the first stands 4 bytes further on.
   */
  #checkFraction(view: DataView, at: number): void {
    if (!this.hasPackets) return;
    const seconds = view.getUint32(at + 4, this.#littleEndian);
    const fraction = view.getUint32(at + 8, this.#littleEndian);
    const length = view.getUint32(at + 12, this.#littleEndian);
    const pause = Math.abs(seconds * 1000 - this.#packet.wallTime);
    const isPossible = pause < LONGEST_PAUSE_MS &&
      fraction / this.#unitsPerMillisecond < 1000 &&
      length > 0 && length <= MAX_RECORD;
    if (!isPossible) return;
    throw new CaptureFileError(
      "not pcap or pcapng, but a pcap file of Nokia: editcap -F pcapng converts it",
      at,
    );
  }
}

function tooLong(length: number, offset: number): CaptureFileError {
  return new CaptureFileError(
    `a record claims ${length} bytes, at most ${MAX_RECORD} are possible`,
    offset,
  );
}
