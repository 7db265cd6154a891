/**
 * Header reassembly: puts together the transport header of datagrams that come
 * in fragments (RFC 791, RFC 8200), and nothing but the header.
 *
 * A scanner cuts its probes into fragments of 8 bytes so that no fragment shows
 * both the ports and the flags. Another sends fragments that overlap, hoping
 * that the watcher takes the other version than the target does; here every
 * version counts.
 *
 * @module
 */

import {
  DatagramTable,
  KEY_WORDS,
  RECORD_BYTES,
  UNIT,
  UNIT_OFFSET,
  UNITS,
  VERSIONS,
  WAYS,
} from "./datagram_table.ts";
import type { FragmentInfo } from "./fragment.ts";
import { isIpv4Mapped } from "./address.ts";
import { AddressHash, spread } from "../hash.ts";
import { PROTOCOL_SCTP, PROTOCOL_TCP, type Segment } from "./segment.ts";
import { TCP_HEADER } from "./transport.ts";

/** Bytes of the last unit that are needed. */
const LAST_UNIT_BYTES = TCP_HEADER - 2 * UNIT;
// Words of a record's key.
const SOURCE = 0;
const DESTINATION = 4;
const IDENTIFICATION = 8;
const PROTOCOL = 9;

/** How many datagrams of each kind are remembered. */
export const DATAGRAMS = 32_768;
/** Fewer would not fill two buckets. */
const FEWEST_DATAGRAMS = 2 * WAYS;

/** How many of each kind are enough where so many sources are remembered. */
export function datagramsFor(sources: number): number {
  const half = 2 ** Math.ceil(Math.log2(sources)) / 2;
  return Math.min(Math.max(half, FEWEST_DATAGRAMS), DATAGRAMS);
}
/**
 * Bits of the buckets of a source: its datagrams lie in so few buckets that
 * whoever fills all of his own touches next to none of another source's.
 */
const SHARE_BITS = 5;

/**
 * What is called with each header found: its protocol, and a view of
 * {@linkcode TCP_HEADER} bytes. Of SCTP the first 16 are its headers, the rest
 * means nothing.
 */
export type HeaderHandler = (protocol: number, header: DataView) => void;

/**
 * Collects fragments and hands out transport headers.
 *
 * There is a table for each kind of first-seen fragment: a whole header, the
 * beginning of one, a later part. A flood of one kind therefore evicts nothing
 * of the other kinds.
 *
 * @example
 * ```ts
 * import { FragmentInfo, HeaderReassembler } from "@scanlogd/scanlogd/packet";
 * import { Segment } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const ports: number[] = [];
 * const reassembler = new HeaderReassembler(
 *   () => Math.random() * 2 ** 32, // use a cryptographic one
 *   (_protocol, header) => ports.push(header.getUint16(2)),
 *   32,
 * );
 * const view = new DataView(new ArrayBuffer(24));
 * view.setUint16(2, 80);
 * const fragment = new FragmentInfo();
 * for (const position of [16, 8, 0]) { // the last one first
 *   fragment.position = fragment.payload = position;
 *   fragment.end = position + 8;
 *   reassembler.add(new Segment(), fragment, view);
 * }
 * assertEquals(ports, [80]);
 * ```
 */
export class HeaderReassembler {
  readonly #tables: readonly DatagramTable[];
  readonly #hash: AddressHash;
  readonly #identificationKey: number;
  readonly #identificationFactor: number;
  readonly #handler: HeaderHandler;
  readonly #key = new Int32Array(KEY_WORDS);
  readonly #header = new Uint8Array(UNITS * UNIT);
  readonly #headerView = new DataView(this.#header.buffer, 0, TCP_HEADER);
  /** For each unit, the version that the current fragment brought, or -1. */
  readonly #news = new Int32Array(UNITS);

  /**
   * Makes a reassembler and allocates all its memory.
   *
   * @param random A source of secrets: 32 random bits at each call.
   * @param handler Called with each header while a fragment is added.
   * @param datagrams Datagrams remembered of each kind, a power of two >= 32.
   * @throws {RangeError} If it is none.
   */
  constructor(
    random: () => number,
    handler: HeaderHandler,
    datagrams: number = DATAGRAMS,
  ) {
    const isPower = Number.isInteger(Math.log2(datagrams));
    if (!isPower || datagrams < FEWEST_DATAGRAMS) {
      throw new RangeError(
        `Cannot set datagrams: it must be a power of two from ${FEWEST_DATAGRAMS} on, got ${datagrams}`,
      );
    }
    this.#hash = new AddressHash(random);
    this.#identificationKey = random() | 0;
    this.#identificationFactor = random() | 1;
    this.#handler = handler;
    this.#tables = Array.from(
      { length: 3 },
      () => new DatagramTable(datagrams),
    );
  }

  /** Datagrams forgotten before their time because a table was full. */
  get evicted(): number {
    return this.#tables.reduce((sum, table) => sum + table.evicted, 0);
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    return this.#tables.reduce(
      (sum, t) =>
        sum + t.keys.byteLength + t.times.byteLength + t.bytes.byteLength +
        t.versions.byteLength + t.protocols.byteLength,
      0,
    );
  }

  /**
   * Adds a fragment of TCP or SCTP that a host would keep; whether it did is what
   * {@linkcode FragmentInfo.isKept} says, and whose it is. Other protocols have
   * their ports in the first fragment always.
   *
   * @param segment The addresses, the protocol and the time of the fragment.
   * @param fragment Where its payload belongs, and where it stands in `view`.
   * @param view The packet.
   */
  add(segment: Segment, fragment: FragmentInfo, view: DataView): void {
    if (fragment.position >= UNITS * UNIT) return;
    if (!mayBeReassembled(segment, fragment)) return;
    if (!this.#holdsUnits(fragment)) return;
    this.#setKey(segment, fragment.identification);
    const hash = this.#hashKey();
    for (const table of this.#tables) {
      const record = table.find(hash, this.#key, segment.time);
      if (record >= 0) {
        return this.#store(table, record, segment, fragment, view);
      }
    }
    const table = this.#tables[kindOf(fragment)];
    const record = table.insert(hash, this.#key, segment.time);
    this.#store(table, record, segment, fragment, view);
  }

  /** Whether the fragment holds at least one unit that is useful. */
  #holdsUnits({ position, payload, end }: FragmentInfo): boolean {
    const needed = position === 2 * UNIT ? LAST_UNIT_BYTES : UNIT;
    return end - payload >= needed;
  }

  #setKey(segment: Segment, identification: number): void {
    const key = this.#key;
    key[SOURCE] = segment.source0;
    key[SOURCE + 1] = segment.source1;
    key[SOURCE + 2] = segment.source2;
    key[SOURCE + 3] = segment.source3;
    key[DESTINATION] = segment.destination0;
    key[DESTINATION + 1] = segment.destination1;
    key[DESTINATION + 2] = segment.destination2;
    key[DESTINATION + 3] = segment.destination3;
    key[IDENTIFICATION] = identification;
    // RFC 8200, 4.5: only the first fragment's next header matters in IPv6.
    key[PROTOCOL] = segment.version === 4 ? segment.protocol : -1;
  }

  /**
   * The network chooses its buckets, host and identification one of them. What an
   * attacker gains by sending one pair to many destinations is a bucket of their
   * own. Who has one IPv6 address has all of its /64.
   */
  #hashKey(): number {
    const key = this.#key;
    const isIpv4 = isIpv4Mapped(
      key[SOURCE],
      key[SOURCE + 1],
      key[SOURCE + 2],
    );
    this.#hash.of(
      key[SOURCE],
      key[SOURCE + 1],
      isIpv4 ? key[SOURCE + 2] : 0,
      isIpv4 ? key[SOURCE + 3] : 0,
    );
    const factor = this.#identificationFactor;
    const host = Math.imul(key[SOURCE + 3], factor) ^ key[SOURCE + 2];
    const choice =
      spread(key[IDENTIFICATION] ^ this.#identificationKey ^ host) >>>
      (32 - SHARE_BITS);
    return spread(this.#hash.bucket ^ Math.imul(choice + 1, factor));
  }

  #store(
    table: DatagramTable,
    record: number,
    segment: Segment,
    { position, payload, end }: FragmentInfo,
    view: DataView,
  ): void {
    // Once TCP, always TCP: a second first fragment cannot take it back.
    if (position === 0 && table.protocols[record] !== PROTOCOL_TCP) {
      table.protocols[record] = segment.protocol;
    }
    const isNews = this.#news.fill(-1);
    const wasWhole = isWhole(table, record);
    let hasNews = false;
    for (let unit = position / UNIT, at = payload; unit < UNITS; unit++) {
      const bytes = unit === UNITS - 1 ? LAST_UNIT_BYTES : UNIT;
      if (at + bytes > end) break;
      isNews[unit] = this.#storeUnit(table, record, unit, view, at, bytes);
      if (isNews[unit] >= 0) hasNews = true;
      at += UNIT;
    }
    if (hasNews && isWhole(table, record)) this.#tell(table, record, !wasWhole);
  }

  /** Stores one unit; returns the number of its version, or -1 if known. */
  #storeUnit(
    table: DatagramTable,
    record: number,
    unit: number,
    view: DataView,
    at: number,
    bytes: number,
  ): number {
    const held = table.versions[record * UNITS + unit];
    const start = record * RECORD_BYTES + UNIT_OFFSET[unit];
    for (let version = 0; version < held; version++) {
      if (equals(table.bytes, start + version * UNIT, view, at, bytes)) {
        return -1;
      }
    }
    const version = Math.min(held, VERSIONS[unit] - 1);
    for (let i = 0; i < bytes; i++) {
      table.bytes[start + version * UNIT + i] = view.getUint8(at + i);
    }
    table.versions[record * UNITS + unit] = version + 1;
    return version;
  }

  /** Hands out every combination of versions that is new. */
  #tell(table: DatagramTable, record: number, all: boolean): void {
    const versions = table.versions;
    for (let ports = 0; ports < versions[record * UNITS]; ports++) {
      for (let flags = 0; flags < versions[record * UNITS + 1]; flags++) {
        const isNew = this.#news[0] === ports || this.#news[1] === flags;
        if (!all && !isNew) continue;
        this.#copyUnit(table, record, 0, ports);
        this.#copyUnit(table, record, 1, flags);
        this.#copyUnit(table, record, 2, 0);
        this.#handler(table.protocols[record], this.#headerView);
      }
    }
  }

  #copyUnit(
    table: DatagramTable,
    record: number,
    unit: number,
    version: number,
  ): void {
    const at = record * RECORD_BYTES + UNIT_OFFSET[unit] + version * UNIT;
    for (let i = 0; i < UNIT; i++) {
      this.#header[unit * UNIT + i] = table.bytes[at + i];
    }
  }
}

/** Of IPv6 only the first fragment tells what it is. */
function mayBeReassembled(
  { version, protocol }: Segment,
  { position }: FragmentInfo,
): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_SCTP ||
    version === 6 && position !== 0;
}

function kindOf({ position, payload, end }: FragmentInfo): number {
  if (position !== 0) return 2;
  return end - payload >= TCP_HEADER ? 0 : 1;
}

/** SCTP's header and that of its first chunk end with the second unit. */
function isWhole(
  { protocols, versions }: DatagramTable,
  record: number,
): boolean {
  const at = record * UNITS;
  const isLastNeeded = protocols[record] !== PROTOCOL_SCTP;
  return versions[at] > 0 && versions[at + 1] > 0 &&
    (!isLastNeeded || versions[at + 2] > 0);
}

function equals(
  a: Uint8Array,
  start: number,
  view: DataView,
  at: number,
  bytes: number,
): boolean {
  for (let i = 0; i < bytes; i++) {
    if (a[start + i] !== view.getUint8(at + i)) return false;
  }
  return true;
}
