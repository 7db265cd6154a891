/**
 * The rule of a fleet: how large a part of its hosts a source has probed.
 *
 * A threshold in hosts would mean something else for each fleet. Each bot of the
 * internet meets several of a thousand hosts a day, and the busiest ones
 * hundreds; docs/FLEET.md tells how the parts were chosen.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { Segment } from "../packet/segment.ts";
import type { Key } from "../table/source_key.ts";
import { type HeardHosts, MOST_HOSTS } from "../table/heard_hosts.ts";
import { FOUND_SLOW, RecordTable, toWord } from "../table/records.ts";
import { REFUSED, targetProtocol } from "../table/targets.ts";

/** Of the hosts within an hour. */
const PART_OF_AN_HOUR = 1 / 2;
/** Of the hosts within the window. */
const PART_OF_ALL = 17 / 20;
const HOUR_MS = 3_600_000;
/** Further ports of hosts that were probed already, for the line. */
const FURTHER_PORTS = 32;
/** A target of a host that was probed before: it tells a port. */
const IS_FURTHER = 1 << 9;
const MOST_TARGETS = Math.ceil(MOST_HOSTS * PART_OF_ALL) + FURTHER_PORTS;
/** A scan that pauses longer has ended, in milliseconds. */
export const FLEET_PAUSE_MS = HOUR_MS;

/** No scan, so far. */
export const NOT_COVERED = -1;

/** Who has probed which hosts: sources, or networks of them. */
export class Coverage {
  /** A record for each. */
  readonly records: RecordTable;
  readonly #fewest: number;
  readonly #window: number;

  /** @param capacity How many are remembered: a power of two. */
  constructor(capacity: number, settings: Settings, random: () => number) {
    this.records = new RecordTable(capacity, MOST_TARGETS, random);
    this.#fewest = settings.minPorts;
    this.#window = Math.max(settings.slowWindow, HOUR_MS);
  }

  /** The record of a key, which is made if there is none. */
  take({ w0, w1, w2, w3 }: Key, probe: Segment): number {
    const { records } = this;
    const { time } = probe;
    let entry = records.find(w0, w1, w2, w3);
    if (entry < 0) {
      entry = records.insert(w0, w1, w2, w3, time);
      records.clearStatus(entry);
      records.open(entry, probe);
    } else if (this.#isOver(entry, time)) records.open(entry, probe);
    return entry;
  }

  #isOver(entry: number, time: number): boolean {
    const { records } = this;
    const isFound = records.has(entry, FOUND_SLOW);
    return time - records.time(entry) >
      (isFound ? FLEET_PAUSE_MS : this.#window);
  }

  /** Adds what was probed; returns whether the host is a new one. */
  add(entry: number, probe: Segment, host: number): boolean {
    const { records } = this;
    const { destinationPort: port, time } = probe;
    const count = records.count(entry);
    let isFurther = false;
    let isPort = false;
    let further = 0;
    for (let i = 0; i < count; i++) {
      if (records.hostAt(entry, i) === host) isFurther = true;
      if (records.portAt(entry, i) === port) isPort = true;
      if ((records.traitsAt(entry, i) & IS_FURTHER) !== 0) further++;
    }
    records.touch(entry, time, count + 1, count + 1);
    if (isFurther && (isPort || further >= FURTHER_PORTS)) return false;
    if (count === MOST_TARGETS) records.removeTarget(entry, 0);
    records.mergeFlags(entry, probe.flags);
    records.mergeChanges(entry, probe);
    const traits = REFUSED | (isFurther ? IS_FURTHER : 0);
    const protocol = targetProtocol(probe.protocol);
    records.addTarget(entry, protocol, port, host, traits, toWord(time));
    return !isFurther;
  }

  /** The target that has completed a scan: the last one, or none. */
  ask(entry: number, time: number, heard: HeardHosts): number {
    const { records } = this;
    const count = records.count(entry);
    const soon = this.#needed(heard, PART_OF_AN_HOUR);
    if (count < soon) return NOT_COVERED;
    const now = toWord(time);
    let hosts = 0;
    for (let i = count - 1; i >= 0; i--) {
      const age = (now - records.timeAt(entry, i)) >>> 0;
      if (age > this.#window) break;
      if ((records.traitsAt(entry, i) & IS_FURTHER) !== 0) continue;
      if (!heard.isLookedAt(records.hostAt(entry, i))) continue;
      hosts++;
      if (hosts >= soon && age <= HOUR_MS) return count - 1;
    }
    const isCovered = hosts >= this.#needed(heard, PART_OF_ALL);
    return isCovered ? count - 1 : NOT_COVERED;
  }

  /** How many hosts are so large a part of those that one hears of. */
  #needed({ count }: HeardHosts, part: number): number {
    return Math.max(this.#fewest, Math.ceil(count * part));
  }

  /** Whether a source alone has probed so much that no network shares it. */
  isTooMuch(entry: number, heard: HeardHosts, sharers: number): boolean {
    const most = this.#needed(heard, PART_OF_AN_HOUR) / sharers;
    return this.records.count(entry) > Math.ceil(most);
  }
}
