/**
 * Scans that are shared out over the sources of one network, none of which
 * probes enough to be found by itself.
 *
 * @module
 */

import type { Settings } from "../settings.ts";
import type { Segment } from "../packet/segment.ts";
import { Judgement, LONG_GRACE_MS } from "../probe/judgement.ts";
import type { UsedPorts } from "../probe/used_ports.ts";
import { DueQueue } from "../table/due_queue.ts";
import {
  FOUND_FAST,
  FOUND_SLOW,
  RecordTable,
  toWord,
} from "../table/records.ts";
import { NetworkKey, NetworkMembers } from "../table/networks.ts";
import { Key } from "../table/source_key.ts";
import {
  isWeightless,
  mayRefuse,
  targetProtocol,
} from "../table/target_word.ts";

/** Networks remembered: one for so many sources, within these bounds. */
const SOURCES_OF_A_NETWORK = 16;
const FEWEST_NETWORKS = 256;
const MOST_NETWORKS = 4096;
/** A network needs so many times the threshold of a source. */
const FACTOR = 3;
/** What its sources probed longer ago does not count, in milliseconds. */
export const SHARED_WINDOW_MS = 600_000;
/** Sources are judged first: what they have scanned alone is not shared. */
const WAIT_MS = LONG_GRACE_MS + 1000;
/** Room for targets that answered, besides what makes a scan. */
const SPARE_TARGETS = 32;
/** Networks that were seen last: a first source alone is not remembered. */
const SEEN_BITS = 14;
const NEVER = -1;

/** A network whose sources made a scan together. */
export interface FoundNetwork {
  /** Its record. */
  readonly entry: number;
  /** The target that completed the scan. */
  readonly index: number;
  /** How many sources. */
  readonly sources: number;
  /** When it was found. */
  readonly time: number;
  /** The wall time of their last probe. */
  readonly completed: number;
}

/** Which sources of which networks probe what. */
export class SharedOutRule {
  /** A record for each network. */
  readonly records: RecordTable;
  readonly #judgement: Judgement;
  readonly #queue: DueQueue;
  readonly #threshold: number;
  readonly #sources: RecordTable;
  readonly #key = new NetworkKey();
  readonly #otherKey = new Key();
  readonly #otherNetwork = new NetworkKey();
  /**
   * Of each network seen last, a hash; and the record of a source, `<< 1`, and
   * whether the network was given a record since.
   */
  readonly #seen = new Int32Array(2 << SEEN_BITS);
  /** The hash of the network that was looked for last. */
  #mixed = 0;
  readonly #members: NetworkMembers;

  /** @param sources The records of single sources. */
  constructor(
    sources: RecordTable,
    settings: Settings,
    random: () => number,
    ports: UsedPorts,
  ) {
    this.#sources = sources;
    this.#threshold = FACTOR * settings.minPorts * settings.privilegedWeight;
    const most = Math.ceil(this.#threshold / settings.highWeight);
    const networks = networksFor(settings.sources);
    this.#queue = new DueQueue(networks, WAIT_MS);
    this.#members = new NetworkMembers(networks);
    this.records = new RecordTable(
      networks,
      most + SPARE_TARGETS,
      random,
    );
    this.#judgement = new Judgement(this.records, settings, ports);
  }

  /** What its tables take, in bytes. */
  get byteLength(): number {
    return this.records.byteLength + this.#queue.byteLength +
      this.#seen.byteLength + this.#members.byteLength +
      this.#judgement.byteLength;
  }

  /** When {@linkcode SharedOutRule.next} wants to be called. */
  get deadline(): number {
    return this.#queue.due;
  }

  #find(): number {
    const { w0, w1, w2, w3 } = this.#key;
    return this.records.find(w0, w1, w2, w3);
  }

  /**
   * Adds the target that a source has probed last, for the first time or again.
   *
   * @param from The source's record.
   * @param source Its key.
   */
  add(from: number, source: Key, probe: Segment): void {
    this.#key.of(source);
    const at = this.#locate();
    if (this.#isAlone(at, from)) return;
    let entry = this.#find();
    if (entry < 0) {
      const other = this.#otherSource(at, from);
      if (other === NEVER) return;
      entry = this.#insert(probe);
      this.#addAll(entry, other, probe.time);
    }
    this.#addLast(entry, from, source, probe);
  }

  #addLast(entry: number, from: number, source: Key, probe: Segment): void {
    const records = this.records;
    const { time, destinationPort: port } = probe;
    if (time - records.time(entry) > SHARED_WINDOW_MS) this.#open(entry, probe);
    this.#members.add(entry, source);
    if (records.has(entry, FOUND_SLOW)) {
      records.touch(entry, time, 0, 0xff);
      return;
    }
    const last = this.#sources.count(from) - 1;
    const host = this.#sources.hostAt(from, last);
    const protocol = targetProtocol(probe.protocol);
    if (records.findTarget(entry, protocol, port, host) >= 0) return;
    if (!this.#makeRoom(entry, time)) return;
    records.mergeFlags(entry, probe.flags);
    records.mergeChanges(entry, probe);
    this.#copy(entry, from, last);
    this.#judgement.update(entry, time);
    records.setWall(entry, probe.wallTime);
    if (records.bound(entry) >= this.#threshold) this.#queue.add(entry, time);
  }

  /** Where the network is remembered among those seen last. */
  #locate(): number {
    const { w0, w1, w3 } = this.#key;
    this.#mixed =
      Math.imul(w3 ^ Math.imul(w0 ^ (w1 >>> 7), 0x85ebca6b), 0x9e3779b1) | 1;
    return (this.#mixed >>> (32 - SEEN_BITS)) << 1;
  }

  /** Whether a source is the only one of its network, as it was before. */
  #isAlone(at: number, from: number): boolean {
    const seen = this.#seen;
    return seen[at] === this.#mixed && seen[at + 1] === from << 1;
  }

  /**
   * The record of another source of the same network that was seen last, or
   * NEVER: as long as there is one source, nothing is shared out.
   */
  #otherSource(at: number, from: number): number {
    const seen = this.#seen;
    const other = seen[at + 1] >>> 1;
    if (seen[at] === this.#mixed && other !== from) {
      seen[at + 1] |= 1;
      return other;
    }
    seen[at] = this.#mixed;
    seen[at + 1] = from << 1;
    return NEVER;
  }

  /** Adds what another source of the network has probed before. */
  #addAll(entry: number, from: number, time: number): void {
    const sources = this.#sources;
    if (sources.has(from, FOUND_FAST | FOUND_SLOW)) return;
    const key = this.#otherKey;
    sources.readKey(from, key);
    this.#otherNetwork.of(key);
    // The record may have gone to a source of another network meanwhile.
    const { w0, w1, w2, w3 } = this.#otherNetwork;
    if (this.records.find(w0, w1, w2, w3) !== entry) return;
    const now = toWord(time);
    this.#members.add(entry, key);
    for (let i = 0; i < sources.count(from); i++) {
      const age = (now - sources.timeAt(from, i)) >>> 0;
      if (age <= SHARED_WINDOW_MS && this.#makeRoom(entry, time)) {
        this.#copy(entry, from, i);
      }
    }
    this.#judgement.update(entry, time);
  }

  #copy(entry: number, from: number, index: number): void {
    const sources = this.#sources;
    this.records.addTarget(
      entry,
      sources.protocolAt(from, index),
      sources.portAt(from, index),
      sources.hostAt(from, index),
      sources.traitsAt(from, index),
      sources.timeAt(from, index),
    );
  }

  #insert(probe: Segment): number {
    const { w0, w1, w2, w3 } = this.#key;
    const entry = this.records.insert(w0, w1, w2, w3, probe.time);
    this.records.clearStatus(entry);
    this.#open(entry, probe);
    return entry;
  }

  #open(entry: number, probe: Segment): void {
    this.records.open(entry, probe);
    this.#members.clear(entry);
  }

  /** Makes room for one more target, if any is old or proves nothing. */
  #makeRoom(entry: number, time: number): boolean {
    const records = this.records;
    const count = records.count(entry);
    if (count < records.mostTargets) return true;
    const now = toWord(time);
    const judgement = this.#judgement;
    judgement.begin(entry);
    for (let i = 0; i < count; i++) {
      const age = (now - records.timeAt(entry, i)) >>> 0;
      const isNothing = isWeightless(records.stateAt(entry, i));
      if (age < WAIT_MS && !isNothing) continue;
      const isOld = age > SHARED_WINDOW_MS;
      if (!isOld && judgement.countsSlowly(entry, i, time)) continue;
      records.removeTarget(entry, i);
      return true;
    }
    return false;
  }

  /**
   * A target has answered somebody of a network, so that it weighs nothing, or
   * refused.
   */
  outcome(
    source: Key,
    protocol: number,
    port: number,
    host: number,
    state: number,
  ): void {
    this.#key.of(source);
    const entry = this.#find();
    if (entry < 0) return;
    const records = this.records;
    const index = records.findTarget(entry, protocol, port, host);
    if (index < 0 || !mayRefuse(records.stateAt(entry, index))) return;
    records.setState(entry, index, state);
    this.#judgement.update(entry, records.time(entry));
  }

  /** A source has made a scan of its own: what it probed does not count here. */
  forgetSource(from: number): void {
    const sources = this.#sources;
    const key = this.#otherKey;
    sources.readKey(from, key);
    this.#key.of(key);
    const entry = this.#find();
    if (entry < 0) return;
    const records = this.records;
    for (let i = sources.count(from) - 1; i >= 0; i--) {
      const index = records.findTarget(
        entry,
        sources.protocolAt(from, i),
        sources.portAt(from, i),
        sources.hostAt(from, i),
      );
      if (index >= 0) records.removeTarget(entry, index);
    }
    this.#judgement.update(entry, records.time(entry));
  }

  /**
   * A network whose scan is complete by now; undefined: none is left.
   *
   * @param now Infinity: no more packets come.
   */
  next(now: number): FoundNetwork | undefined {
    const isEnding = now === Infinity;
    this.#judgement.isEnding = isEnding;
    for (
      let entry = this.#queue.take(now);
      entry >= 0;
      entry = this.#queue.take(now)
    ) {
      const time = isEnding ? this.records.time(entry) : now;
      const index = this.#ask(entry, time);
      const sources = this.#members.count(entry);
      if (index === NEVER || sources < 2) continue;
      this.records.set(entry, FOUND_SLOW);
      const completed = this.records.wall(entry);
      return { entry, index, sources, time, completed };
    }
    return undefined;
  }

  #ask(entry: number, time: number): number {
    const records = this.records;
    const now = toWord(time);
    this.#judgement.begin(entry);
    let sum = 0;
    let wait = 0;
    for (let i = 0; i < records.count(entry); i++) {
      const age = (now - records.timeAt(entry, i)) >>> 0;
      if (age > SHARED_WINDOW_MS) continue;
      if (age < WAIT_MS && !this.#judgement.isEnding) {
        wait = Math.max(wait, WAIT_MS - age);
        continue;
      }
      wait = Math.max(wait, this.#judgement.undecided(entry, i, time));
      if (!this.#judgement.countsSlowly(entry, i, time)) continue;
      sum += this.#judgement.weightAmidHosts(entry, i);
      if (sum >= this.#threshold) return i;
    }
    if (wait > 0) this.#queue.add(entry, time, wait);
    return NEVER;
  }
}

function networksFor(sources: number): number {
  const count = 2 ** Math.ceil(Math.log2(sources)) / SOURCES_OF_A_NETWORK;
  return Math.min(Math.max(count, FEWEST_NETWORKS), MOST_NETWORKS);
}
