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
import { second } from "../probe/seconds.ts";
import type { Key } from "../table/source_key.ts";
import { type HeardHosts, MOST_HOSTS, SET_MASK } from "../table/heard_hosts.ts";
import { FOUND_SLOW, RecordTable } from "../table/records.ts";
import { REFUSED, TARGET_TCP, targetProtocol } from "../table/target_word.ts";

/** Of the hosts within an hour. */
const PART_OF_AN_HOUR = 1 / 2;
/** Of the hosts within the window. */
const PART_OF_ALL = 17 / 20;
const HOUR = 3600;
/** Hosts of which any are remembered for a source, and ports, for the line. */
const MOST_TARGET_HOSTS = Math.ceil(MOST_HOSTS * PART_OF_ALL);
const MOST_PORTS = 64;
/** Sets of hosts, the first of which is empty. */
const SETS = SET_MASK + 1;
/** Hosts and ports stand apart: a target is a host, or a port. */
const ANY_HOST = 0;
const ANY_PORT = 0;
/** A scan that pauses longer has ended, in milliseconds. */
export const FLEET_PAUSE_MS = HOUR * 1000;
/** A span is looked at from so many moments. */
const STEPS = 12;
/** A record that grows is looked at so often at least, as its fleet may shrink. */
const LOOKS = 4;

// What a record comes to.
/** So little that it may be a part of what a network does. */
export const LITTLE = 0;
/** So much that no network shares it. */
export const MUCH = 1;
/** A scan. */
export const COMPLETE = 2;

/** Who has probed which hosts: sources, or networks of them. */
export class Coverage {
  /**
   * A record for each. Its targets are hosts and, apart from them, ports; a host's
   * time is the second of its last probe, by its own clock.
   */
  readonly records: RecordTable;
  /** Whether the record that was taken last has begun, or begun anew. */
  isNew = false;
  /** What counts over a long time, in seconds. */
  readonly window: number;
  readonly #fewest: number;
  readonly #sharers: number;
  readonly #steps = new Int32Array(2 * STEPS);
  /** For each record and set, how many further hosts certainly complete nothing. */
  readonly #spare: Uint16Array;
  /** Until when each record's last scan went on: what it was does not come again. */
  readonly #foundUntil: Float64Array;
  /** Who has sent the last probe. */
  #host = ANY_HOST;

  /**
   * @param capacity How many are remembered: a power of two.
   * @param sharers How many have to share a scan of a day at least: none of them
   * adds more than its part.
   */
  constructor(
    capacity: number,
    sharers: number,
    { minPorts, slowWindow }: Settings,
    random: () => number,
  ) {
    this.records = new RecordTable(
      capacity,
      MOST_TARGET_HOSTS + MOST_PORTS,
      random,
    );
    this.#spare = new Uint16Array(capacity * SETS);
    this.#foundUntil = new Float64Array(capacity);
    // A host that invents sources pushes out those that it has invented before.
    this.records.isOwn = (entry) =>
      this.records.findTarget(entry, TARGET_TCP, ANY_PORT, this.#host) >= 0;
    this.#fewest = minPorts;
    this.window = Math.max(slowWindow, FLEET_PAUSE_MS) / 1000;
    this.#sharers = sharers;
  }

  /** The memory of all that is known of them, in bytes. */
  get byteLength(): number {
    return this.records.byteLength + this.#spare.byteLength +
      this.#foundUntil.byteLength;
  }

  /**
   * The record of a key, which is made if there is none.
   *
   * @param host A hash of the host that has sent the probe; not 0.
   */
  take({ w0, w1, w2, w3 }: Key, probe: Segment, host: number): number {
    const { records } = this;
    this.#host = host;
    const { time, wallTime } = probe;
    const found = records.find(w0, w1, w2, w3);
    const entry = found < 0 ? records.insert(w0, w1, w2, w3, time) : found;
    if (found < 0) records.clearStatus(entry);
    const pause = found < 0 ? Infinity : wallTime - records.wall(entry);
    const isOver = pause > FLEET_PAUSE_MS && records.has(entry, FOUND_SLOW);
    this.isNew = isOver || pause > this.window * 1000;
    if (found < 0 || isOver) {
      this.#foundUntil[entry] = isOver ? records.wall(entry) : -Infinity;
      records.open(entry, probe);
      this.#spare.fill(0, entry * SETS, (entry + 1) * SETS);
      // Else its targets stay: one host's clock alone would make them old.
    } else if (this.isNew) records.replaceRun(entry, probe, 0);
    if (pause > 0) records.setWall(entry, wallTime);
    return entry;
  }

  /** Adds what was probed; returns whether that may complete a scan. */
  add(entry: number, probe: Segment, host: number): boolean {
    const { records } = this;
    if (probe.wallTime <= this.#foundUntil[entry]) return false;
    const time = second(probe.wallTime);
    records.mergeFlags(entry, probe.flags);
    records.mergeChanges(entry, probe);
    const ports = this.#addPort(entry, probe, time);
    const known = records.findTarget(entry, TARGET_TCP, ANY_PORT, host);
    if (known < 0) {
      if (records.count(entry) - ports === MOST_TARGET_HOSTS) {
        records.removeTarget(entry, this.#leastHost(entry));
      }
      records.addTarget(entry, TARGET_TCP, ANY_PORT, host, REFUSED, time);
    }
    const hosts = records.count(entry) - ports;
    records.touch(entry, probe.time, ports, hosts);
    if (known < 0) return true;
    const since = this.#since(entry, known, time);
    if (since > 0) records.setTime(entry, known, time);
    return since > HOUR;
  }

  /** Returns how many ports are remembered. */
  #addPort(entry: number, probe: Segment, time: number): number {
    const { records } = this;
    const port = probe.destinationPort;
    const protocol = targetProtocol(probe.protocol);
    const ports = records.bound(entry);
    const known = records.findTarget(entry, protocol, port, ANY_HOST);
    if (known >= 0) {
      const isLater = this.#since(entry, known, time) > 0;
      if (isLater) records.setTime(entry, known, time);
      return ports;
    }
    if (ports === MOST_PORTS) return ports;
    records.addTarget(entry, protocol, port, ANY_HOST, REFUSED, time);
    return ports + 1;
  }

  /**
   * The oldest host of the last set: any number of addresses stand for hosts, and
   * they do not push out hosts with names.
   */
  #leastHost(entry: number): number {
    const { records } = this;
    let least = -1;
    let last = 0;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      const set = records.hostAt(entry, i) & SET_MASK;
      if (set < last || set === 0) continue;
      const isLess = set > last ||
        this.#since(entry, i, records.timeAt(entry, least)) > 0;
      if (isLess) least = i;
      last = set;
    }
    return least;
  }

  /** How many seconds after a target's time another one is; they wrap around. */
  #since(entry: number, index: number, time: number): number {
    return (time - this.records.timeAt(entry, index)) | 0;
  }

  /** What a record comes to around the time of its last probe. */
  judge(
    entry: number,
    { wallTime, version }: Segment,
    heard: HeardHosts,
  ): number {
    const { records } = this;
    const hosts = heard.size(version);
    const soon = this.#needed(hosts, PART_OF_AN_HOUR);
    const enough = this.#needed(hosts, PART_OF_ALL);
    const much = Math.min(soon, Math.ceil(enough / this.#sharers));
    const known = records.count(entry) - records.bound(entry);
    if (known <= much && known < soon) return LITTLE;
    // What comes late may complete what was over.
    const isLate = wallTime < records.wall(entry);
    const place = entry * SETS + (this.#host & SET_MASK);
    if (this.#spare[place] > 0) {
      this.#spare[place]--;
      if (!isLate) return MUCH;
    }
    const time = second(wallTime);
    let hour = 0;
    let all = 0;
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      const host = records.hostAt(entry, i);
      if (host === ANY_HOST || !heard.isLookedAt(host)) continue;
      const gap = Math.abs(this.#since(entry, i, time));
      if (gap < HOUR) hour++;
      if (gap < this.window) all++;
    }
    const isComplete =
      hour >= soon && this.#most(entry, time, heard, HOUR) >= soon ||
      all >= enough && this.#most(entry, time, heard, this.window) >= enough;
    if (isComplete) return COMPLETE;
    if (all <= much) return LITTLE;
    const missing = Math.min(soon - hour, enough - all, much / LOOKS);
    if (missing > 1 && !isLate) this.#spare[place] = Math.ceil(missing) - 1;
    return MUCH;
  }

  /**
   * The most hosts that were probed within a span that a time is part of: what came
   * late is in no order.
   */
  #most(
    entry: number,
    time: number,
    heard: HeardHosts,
    span: number,
  ): number {
    const { records } = this;
    const steps = this.#steps.fill(0);
    for (let i = records.count(entry) - 1; i >= 0; i--) {
      const host = records.hostAt(entry, i);
      if (host === ANY_HOST || !heard.isLookedAt(host)) continue;
      const later = -this.#since(entry, i, time) * STEPS / span;
      if (Math.abs(later) < STEPS) steps[STEPS - 1 + Math.ceil(later)]++;
    }
    let hosts = 0;
    for (let step = 0; step < STEPS; step++) hosts += steps[step];
    let most = hosts;
    for (let step = STEPS; step < 2 * STEPS - 1; step++) {
      hosts += steps[step] - steps[step - STEPS];
      if (hosts > most) most = hosts;
    }
    return most;
  }

  /**
   * Leaves of a complete scan what belongs to it, as pairs of host and port;
   * returns where the one is that has completed it, which is the last.
   */
  close(
    entry: number,
    probe: Segment,
    host: number,
    heard: HeardHosts,
  ): number {
    const { records } = this;
    const time = second(probe.wallTime);
    const port = probe.destinationPort;
    const protocol = targetProtocol(probe.protocol);
    const hosts: number[] = [];
    const ports: [number, number][] = [];
    for (let i = 0; i < records.count(entry); i++) {
      if (Math.abs(this.#since(entry, i, time)) >= this.window) continue;
      const each = records.hostAt(entry, i);
      if (each === ANY_HOST) {
        ports.push([records.protocolAt(entry, i), records.portAt(entry, i)]);
      } else if (each !== host && heard.isLookedAt(each)) hosts.push(each);
    }
    records.clearTargets(entry);
    const add = (protocol: number, port: number, host: number) =>
      records.addTarget(entry, protocol, port, host, REFUSED, time);
    for (const each of ports) {
      if (each[0] !== protocol || each[1] !== port) add(...each, host);
    }
    for (const each of hosts) add(protocol, port, each);
    add(protocol, port, host);
    return records.count(entry) - 1;
  }

  /** How many hosts are so large a part of all. */
  #needed(hosts: number, part: number): number {
    return Math.max(this.#fewest, Math.ceil(hosts * part));
  }
}
