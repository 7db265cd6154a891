/**
 * Files that are no pcap or pcapng, and what they are instead.
 *
 * @module
 */

import { CaptureFileError } from "./format.ts";

/** So many bytes of a file tell what it is. */
export const NAMING_LENGTH = 16;

/** Tabulator, line feed, carriage return. */
const LINE_CONTROLS: readonly number[] = [0x09, 0x0a, 0x0d];
const DELETE = 0x7f;

const CONVERT = "editcap -F pcapng converts it";
const UNPACK = "unpack it first";

type Format = readonly [start: string, name: string, remedy: string];

/** What a file begins with, its name, and what to do about it. */
const FORMATS: readonly Format[] = [
  ["snoop\0\0\0", "a snoop file (RFC 1761)", CONVERT],
  ["btsnoop\0", "a Bluetooth snoop file", "it has no IP packets"],
  ["TRSNIFF data", "a file of the Sniffer", CONVERT],
  ["XCP\0", "a file of NetXRay", CONVERT],
  ["ObserverPktBuffe", "a file of the Observer", CONVERT],
  ["GMBU", "a file of Microsoft Network Monitor", CONVERT],
  ["RTSS", "a file of Microsoft Network Monitor", CONVERT],
  ["iptrace ", "an iptrace file", CONVERT],
  ["\xa1\xb2\xcd\x34", "a modified pcap file", CONVERT],
  ["\x34\xcd\xb2\xa1", "a modified pcap file", CONVERT],
  ["\x1c\x00\x01\xac", "a pcap file of IXIA", CONVERT],
  ["\xac\x01\x00\x1c", "a pcap file of IXIA", CONVERT],
  ["\x1c\x00\x01\xab", "a pcap file of IXIA", CONVERT],
  ["\xab\x01\x00\x1c", "a pcap file of IXIA", CONVERT],
  ["PK\x03\x04", "a zip archive", UNPACK],
  ["BZh", "packed with bzip2", UNPACK],
  ["\xfd7zXZ\0", "packed with xz", UNPACK],
  ["7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK],
  ["\x04\x22\x4d\x18", "packed with LZ4", UNPACK],
  ["\x28\xb5\x2f\xfd", "packed with zstd", UNPACK],
  ["\x1f\x8b", "packed with gzip", UNPACK],
];

/** A record of an ERF file: its time of 8 bytes, type, flags, length (Endace). */
const ERF_TYPE = 8;
const ERF_LENGTH = 10;
const ERF_SHORTEST = 16;
const ERF_LAST_TYPE = 48;
const ERF: Format = ["", "an ERF file", CONVERT];
/** 2000 and 2060, as the upper half of a record's time, in seconds. */
const ERF_EARLIEST = 946_684_800;
const ERF_LATEST = 2_840_140_800;

/**
 * Says what a file is, of which the first {@linkcode NAMING_LENGTH} bytes stand
 * in a view from `start` on, or as many as it has.
 */
export function refuseFormat(
  view: DataView,
  start: number,
  end: number,
): CaptureFileError {
  const [, name, remedy] = formatOf(view, start, end) ?? [];
  if (name !== undefined) {
    return new CaptureFileError(
      `not pcap or pcapng, but ${name}: ${remedy}`,
      0,
    );
  }
  const magic = view.getUint32(start).toString(16).padStart(8, "0");
  return new CaptureFileError(
    `not a capture file: it starts with ${magic}, which is no magic number of pcap or pcapng`,
    0,
  );
}

/** Whether what begins so may be lines of text: no other format is known to. */
export function mayBeLines(
  view: DataView,
  start: number,
  end: number,
): boolean {
  return isText(view, start, end) && formatOf(view, start, end) === undefined;
}

function formatOf(view: DataView, start: number, end: number) {
  const found = FORMATS.find(([bytes]) => beginsWith(view, start, end, bytes));
  if (found !== undefined || isText(view, start, end)) return found;
  return isErf(view, start, end) ? ERF : undefined;
}

/** Whether there are no control characters but for those of lines. */
function isText(view: DataView, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte < 0x20 ? !LINE_CONTROLS.includes(byte) : byte === DELETE) {
      return false;
    }
  }
  return true;
}

function beginsWith(
  view: DataView,
  start: number,
  end: number,
  bytes: string,
): boolean {
  if (end - start < bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) {
    if (view.getUint8(start + i) !== bytes.charCodeAt(i)) return false;
  }
  return true;
}

/** ERF has no magic number: the first record has to be a possible one. */
function isErf(view: DataView, start: number, end: number): boolean {
  if (end - start < ERF_SHORTEST) return false;
  const seconds = view.getUint32(start + 4, true);
  const type = view.getUint8(start + ERF_TYPE) & 0x7f;
  const length = view.getUint16(start + ERF_LENGTH);
  return seconds >= ERF_EARLIEST && seconds < ERF_LATEST && type >= 1 &&
    type <= ERF_LAST_TYPE && length >= ERF_SHORTEST;
}
