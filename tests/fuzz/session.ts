/**
 * A session: a detector's settings and the packets that it is given, in bytes,
 * so that it can be stored, varied and run again. Any bytes are a session.
 *
 * @module
 */

import {
  type DetectorOptions,
  type Direction,
  KNOBS,
  type Packet,
} from "../../mod.ts";
import { SUPPORTED_LINK_TYPES } from "../../library/packet.ts";
import { AddressSet } from "../../mod.ts";
import type { Bytes } from "../packets.ts";
import { seeded } from "../random.ts";

/** Settings come first, one byte each. */
export const SETTINGS = 16;
/** Direction and whether the time is told, link type, length, time. */
const RECORD = 8;
/** Time stamps count in eighths of a millisecond. */
const UNITS_A_MS = 8;
/** Room for a day forwards or backwards in one step. */
const MAX_STEP = 86_400_000 * UNITS_A_MS;

const DIRECTION = 3;
const ADVANCE = 4;

/** Flags of the settings' first byte. */
const CLASSIC = 1;
const LOCAL = 2;
const HOME = 4;
const PROMISCUOUS = 8;
const IGNORE = 16;
const ON_LINK = 32;
const ENDS = 64;

/** The addresses that {@linkcode HOSTS} uses for the watched hosts. */
export const OURS = AddressSet.from(["198.51.100.0/28", "2001:db8:ffff::/64"]);
const HOME_NETWORK = AddressSet.from(["198.51.100.0/24", "2001:db8:ffff::/48"]);
const IGNORED = AddressSet.from(["192.0.2.7", "2001:db8:7::/48"]);
const SHARED_LINK = AddressSet.from(["2001:db8:1::/48"]);

const DAY = 86_400_000;
const TIMES = [3000, 1, 100, 3000, 20_000, DAY];
const BURSTS = [5, 0, 1, 0, 1000];
const WINDOWS = [DAY, 0, 1000, 60_000, KNOBS.slowWindow.max];
const EPHEMERAL = [32_768, 1, 1024, 65_536];

/** The detector's options that a session begins with. */
export function optionsOf(session: Bytes):
  & Required<
    Pick<DetectorOptions, "minPorts" | "privilegedWeight" | "highWeight">
  >
  & DetectorOptions {
  const byte = (i: number) => session[i] ?? 0;
  const one = (items: readonly number[], i: number) =>
    items[byte(i) % items.length];
  const has = (flag: number) => (byte(0) & flag) !== 0;
  const privilegedWeight = 1 + byte(2) % 255;
  return {
    random: seeded(byte(1)),
    minPorts: 2 + byte(3) % 99,
    privilegedWeight,
    highWeight: 1 + byte(4) % privilegedWeight,
    scanDelay: one(TIMES, 5),
    sources: 16 << (byte(6) % 4),
    logBurst: one(BURSTS, 7),
    logDelay: one(TIMES, 8),
    ipv6Prefix: 1 + byte(9) % 128,
    slowWindow: one(WINDOWS, 10),
    ephemeralPort: one(EPHEMERAL, 11),
    classic: has(CLASSIC),
    ends: has(ENDS),
    promiscuous: has(PROMISCUOUS),
    local: has(LOCAL) ? OURS : undefined,
    home: has(HOME) ? HOME_NETWORK : undefined,
    ignore: has(IGNORE) ? IGNORED : undefined,
    onLink: has(ON_LINK) ? SHARED_LINK : undefined,
  };
}

/** Settings as the program has them by default, but for the table's size. */
export const DEFAULT_SETTINGS: readonly number[] = [
  ...[LOCAL, 1, 3 - 1, 7 - 2, 0, 0, 3, 0, 4, 63, 0, 0, 0, 0, 0, 0],
];

/** One packet of a session. */
export interface SessionRecord {
  /** Where its bytes stand in the session. */
  offset: number;
  /** How many they are. */
  length: number;
  /** Which way it went. */
  direction: Direction;
  /** Its link type. */
  linkType: number;
  /** When it was seen, in ms since the session's start. */
  time: number;
  /** Whether the detector is told the time before it. */
  isAdvance: boolean;
}

/** A record for {@linkcode eachRecord}, which reuses it. */
function newRecord(): SessionRecord {
  return {
    offset: 0,
    length: 0,
    direction: 0,
    linkType: 0,
    time: 0,
    isAdvance: false,
  };
}

/** Calls back with each packet; the record is reused. Returns how many. */
export function eachRecord(
  session: Bytes,
  callback: (record: SessionRecord) => void,
): number {
  const view = new DataView(session.buffer, session.byteOffset, session.length);
  const record = newRecord();
  let count = 0;
  let time = 0;
  for (let at = SETTINGS; at + RECORD <= session.length; count++) {
    const head = view.getUint8(at);
    const low = view.getUint8(at + 1);
    record.direction = (head & DIRECTION) % 3 as Direction;
    record.isAdvance = (head & ADVANCE) !== 0;
    record.linkType = low < 128
      ? SUPPORTED_LINK_TYPES[low % SUPPORTED_LINK_TYPES.length]
      : low;
    time += view.getInt32(at + 4) % MAX_STEP;
    record.time = time / UNITS_A_MS;
    record.offset = at + RECORD;
    record.length = Math.min(
      view.getUint16(at + 2),
      session.length - record.offset,
    );
    callback(record);
    at = record.offset + record.length;
  }
  return count;
}

/** Where each record starts, and where the last one ends. */
export function recordStarts(session: Bytes): number[] {
  const starts: number[] = [];
  let end = Math.min(SETTINGS, session.length);
  eachRecord(session, ({ offset, length }) => {
    starts.push(offset - RECORD);
    end = offset + length;
  });
  return [...starts, end];
}

/** Writes sessions. */
export class SessionWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Begins a session. */
  begin(settings: ArrayLike<number>): void {
    this.#bytes.set(settings);
    this.#length = SETTINGS;
  }

  /**
   * Adds a packet.
   *
   * @param step Milliseconds since the one before.
   */
  add(
    { linkType, direction, view, offset, length }: Packet,
    step: number,
    isAdvance: boolean,
  ): void {
    const at = this.#length;
    const end = at + RECORD + length;
    if (end > this.#bytes.length) this.#grow(end);
    const known = SUPPORTED_LINK_TYPES.indexOf(linkType);
    this.#bytes[at] = direction | (isAdvance ? ADVANCE : 0);
    this.#bytes[at + 1] = known < 0 ? linkType | 128 : known;
    this.#view.setUint16(at + 2, length);
    this.#view.setInt32(at + 4, Math.round(step * UNITS_A_MS));
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
    this.#bytes.set(bytes, at + RECORD);
    this.#length = end;
  }

  #grow(length: number): void {
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, length));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  /** The session so far. */
  end(): Bytes {
    return this.#bytes.slice(0, this.#length);
  }
}
