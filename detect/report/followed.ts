/**
 * Scans that are followed until they end: what they touch, and what they find.
 *
 * @module
 */

import type { Scan, ScanEnd } from "./report.ts";
import type { Segment } from "../packet/segment.ts";
import {
  MAX_PLACES,
  type RecordTable,
  SEEN,
  VERIFIED,
} from "../table/records.ts";
import { ABORTED, ANSWERED_TARGET } from "../table/target_word.ts";

/** A scan that is complete, and where it stands. */
export interface Completion {
  /** What is to be told. */
  scan: Scan;
  /** The table that holds its entry. */
  table: RecordTable;
  /** Its entry. */
  entry: number;
  /** When it was complete, on the packets' clock. */
  time: number;
  /** It has ended once it pauses longer, in milliseconds. */
  pause: number;
}

/** Scans followed at a time; others are told without an end. */
export const FOLLOWED_SCANS: number = MAX_PLACES;
/**
 * As many of them may have been told; those beyond end unseen. The other places
 * are for scans that are not told: what is known of their sources may yet name
 * them, and nobody can fill these by scans that never end.
 */
export const FOLLOWED_TOLD = 192;
/** Open ports remembered of each. */
const OPEN_PORTS = 64;
const PORT_WORDS = 65_536 / 32;

/** The place is free. */
export const FREE = 0;
/** It is told, and so is its end. */
export const TOLD = 2;
/** The flood limit kept it back; its source may yet be named. */
export const KEPT_BACK = 3;
/** It is one of several in lockstep, told or not; its source may yet be named. */
export const IN_LOCKSTEP = 4;

/** A scan that is complete, and what has been seen of it since. */
export class FollowedScan {
  /** One of the constants above. */
  state: number = FREE;
  /** What it was when it was complete. */
  scan!: Scan;
  /** The table that its entry is in. */
  table!: RecordTable;
  /** Its entry. */
  entry = -1;
  /** How sure it is that its source is no forgery. */
  standing = SEEN;
  /** Packets and refusals that were counted. */
  packets = 0;
  /** Distinct ports among them. */
  ports = 0;
  /** Ports that answered as open. */
  openPorts: number[] = [];
  /** When its first packet was seen. */
  started = 0;
  /** When its last packet was seen. */
  last = 0;
  /** When its last packet was seen, in wall time. */
  lastWall = 0;
  /** It has ended once it pauses longer, in milliseconds. */
  pause = 0;
  readonly #portBits: Uint32Array;

  /** @param portBits A bit for each port. */
  constructor(portBits: Uint32Array) {
    this.#portBits = portBits;
  }

  /** Begins with a scan that is complete. */
  begin(scan: Scan, time: number, pause: number): void {
    this.scan = scan;
    this.packets = this.ports = 0;
    this.openPorts = [];
    this.#portBits.fill(0);
    for (const port of scan.ports) this.touch(port);
    this.touch(scan.completingPort);
    this.last = time;
    this.lastWall = scan.completed;
    this.started = time - Math.max(0, scan.completed - scan.firstSeen);
    this.pause = pause;
  }

  /**
   * Counts a further packet.
   *
   * @returns Whether its port is new.
   */
  follow(segment: Segment): boolean {
    this.last = segment.time;
    this.lastWall = segment.wallTime;
    return this.touch(segment.destinationPort);
  }

  /**
   * Counts a packet to a port.
   *
   * @returns Whether the port is new.
   */
  touch(port: number): boolean {
    this.packets++;
    if (this.isTouched(port)) return false;
    this.#portBits[port >>> 5] |= 1 << port;
    this.ports++;
    return true;
  }

  /** Whether a packet to a port was counted. */
  isTouched(port: number): boolean {
    return (this.#portBits[port >>> 5] & (1 << port)) !== 0;
  }

  /**
   * Remembers that a port has answered as open.
   *
   * @returns Whether it is remembered now and was not before.
   */
  opened(port: number): boolean {
    const { openPorts } = this;
    if (openPorts.length >= OPEN_PORTS || openPorts.includes(port)) {
      return false;
    }
    openPorts.push(port);
    return true;
  }

  /** Tells its end. */
  describeEnd(): ScanEnd {
    const { scan } = this;
    return {
      type: "end",
      source: scan.source,
      destination: scan.destination,
      otherDestinations: scan.otherDestinations,
      protocol: scan.protocol,
      duration: this.last - this.started,
      packets: this.packets,
      ports: this.ports,
      openPorts: this.openPorts.toSorted((a, b) => a - b),
      verified: this.standing === VERIFIED,
      firstSeen: scan.firstSeen,
      completed: this.lastWall,
    };
  }
}

/** A fixed number of followed scans. Entries of tables know their places. */
export class FollowedScans {
  /** All places, free ones too. */
  readonly places: readonly FollowedScan[];
  readonly #bits = new Uint32Array(FOLLOWED_SCANS * PORT_WORDS);

  constructor() {
    this.places = Array.from(
      { length: FOLLOWED_SCANS },
      (_, i) =>
        new FollowedScan(
          this.#bits.subarray(i * PORT_WORDS, (i + 1) * PORT_WORDS),
        ),
    );
  }

  /** The memory of the port bits. */
  get byteLength(): number {
    return this.#bits.byteLength;
  }

  /** The scan that an entry is followed as. */
  of(table: RecordTable, entry: number): FollowedScan | undefined {
    const place = table.place(entry);
    if (place < 0) return undefined;
    const found = this.places[place];
    return found.entry === entry && found.table === table ? found : undefined;
  }

  /**
   * Follows the scan of an entry, or changes the state of one that is followed.
   *
   * @returns Undefined if there is no place for it.
   */
  begin(state: number, completion: Completion): FollowedScan | undefined {
    const { scan, table, entry, time, pause } = completion;
    const known = this.of(table, entry);
    if (known !== undefined) {
      known.state = state;
      return known;
    }
    const place = this.#freePlace();
    if (place < 0) return undefined;
    const followed = this.places[place];
    if (followed.state !== FREE) this.end(followed);
    followed.begin(scan, time, pause);
    followed.state = state;
    followed.table = table;
    followed.entry = entry;
    followed.standing = table.standing(entry);
    for (let i = table.count(entry) - 1; i >= 0; i--) {
      const state = table.stateAt(entry, i);
      const isOpen = state === ANSWERED_TARGET || state === ABORTED;
      if (isOpen) followed.opened(table.portAt(entry, i));
    }
    table.setPlace(entry, place);
    return followed;
  }

  /** Follows a scan to its end, as it is told now, unless too many are. */
  markTold(followed: FollowedScan): void {
    let told = 0;
    for (const { state } of this.places) if (state === TOLD) told++;
    if (followed.state !== TOLD && told >= FOLLOWED_TOLD) this.end(followed);
    else followed.state = TOLD;
  }

  /** Gives a place back. */
  end(followed: FollowedScan): void {
    const { table, entry } = followed;
    if (this.of(table, entry) === followed) table.setPlace(entry, -1);
    followed.state = FREE;
    followed.entry = -1;
  }

  /** A free place, or that of the least scan that was not told alone, or -1. */
  #freePlace(): number {
    let chosen = -1;
    for (const [i, each] of this.places.entries()) {
      if (each.state === FREE) return i;
      if (each.state === TOLD) continue;
      if (chosen < 0 || compareRank(each, this.places[chosen]) > 0) chosen = i;
    }
    return chosen;
  }
}

/** Orders by standing, then by packets, the highest first. */
export function compareRank(a: FollowedScan, b: FollowedScan): number {
  return b.standing - a.standing || b.packets - a.packets;
}
