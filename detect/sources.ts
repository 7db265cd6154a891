/**
 * The sources that are being watched: a table that never grows.
 *
 * @module
 */

import { type AddressWords, IPV4_MAPPED, isIpv4Mapped } from "./address.ts";
import { AddressHash, XorShift } from "./hash.ts";
import type { Protocol } from "./report.ts";
import type { Segment } from "./segment.ts";

// These constants are not exported: V8 folds a module's own constants, but loads
// and checks exported ones at each use.

/**
 * Entries that share a bucket. A bucket of sixteen overflows rarely: at a third
 * of the capacity once in 10^5.
 */
const WAYS = 16;
const MAPPED = 0xffff; // IPV4_MAPPED
/** Words of a bucket's tags, four tags a word. */
const TAG_WORDS = 4;
/** Set in every tag: without it, the entry is free. */
const IN_USE = 0x80;
/** Set in the tag of an IPv4 source. */
const IS_IPV4_KEY = 0x40;
/** Multiplies a byte into all four of a word. */
const EACH_BYTE = 0x01010101;
/** The highest bit of each byte. */
const HIGH_BITS = 0x80808080 | 0;

// Words of a record. What an IPv4 source needs, with its first ports, is in one
// cache line, even if the memory starts 16 bytes behind a line as malloc's does.
/** Source address: four words, masked if sources count per prefix. */
const KEY = 0;
/** Last word of the first packet's destination address. */
const DESTINATION3 = 4;
/** Or of all counted packets' flags, `and << 8`, and the bits below. */
const FLAGS = 5;
/** The first packet's wall time (a double: two words). */
const FIRST_SEEN = 6;
/** The first packet: `source port << 16 | TOS << 8 | TTL`. */
const FIXED = 8;
/** Or of what differs from it (exclusive or) in counted packets. */
const DIFFERENCES = 9;
/** A bit for each port in the list, many ports to a bit. */
const PORT_FILTER = 10;
/** How many ports the list holds, in half a word; the list follows it. */
const PORT_COUNT = 11;

// Words behind the ports, only used if the first packet was IPv6.
/** The other words of the first packet's destination address. */
const DESTINATION = 0;
/** Source address of the first packet, unmasked: four words. */
const SOURCE = 3;
const IPV6_WORDS = 7;

// The upper half of FLAGS.
const CHANGED_DESTINATION = 1 << 16;
const CHANGED_SOURCE = 1 << 17;
/** The first packet was IPv6. */
const IS_IPV6 = 1 << 18;
/** How sure it is that the source is no forgery: two bits. */
const STANDING_SHIFT = 19;
/** The probes' protocol: two bits. */
const PROTOCOL_SHIFT = 21;
/** Another source sent one of its probes, too. */
const IS_SHARED = 1 << 23;
/** Where the entry's scan is followed, counted from one; 0: nowhere. */
const PLACE_SHIFT = 24;
/** How many places there can be. */
export const MAX_PLACES = 255;

const PROTOCOLS: readonly Protocol[] = ["tcp", "udp", "sctp"];

/** The type of service and the time to live, in FIXED and DIFFERENCES. */
const HEADER_FIELDS = 0xffff;

/** Nothing tells that the source is real. */
export const SEEN = 0;
/** It sent a bare RST with the right sequence number. */
export const ANSWERED = 1;
/** It knew our sequence number. */
export const VERIFIED = 2;

/** Most memory that a table may take, in bytes. */
const MAX_TABLE_BYTES = 1 << 30;

/** How large a table is to be. */
export interface SourceTableOptions {
  /** Sources remembered, rounded up to a power of two. */
  sources: number;
  /** Ports remembered of each source. */
  ports: number;
  /** After how many milliseconds without a counted packet an entry is outdated. */
  scanDelay: number;
  /** A source of secrets: 32 random bits at each call. */
  random: () => number;
}

/** What is remembered of a source, for those who describe it. */
export interface SourceRecord {
  /** The address that it counts under. */
  key: AddressWords;
  /** Source address of the first packet. */
  source: AddressWords;
  /** Whether it changed, inside its prefix. */
  isSourceChanged: boolean;
  /** Destination address of the first packet. */
  destination: AddressWords;
  /** Whether it changed. */
  isDestinationChanged: boolean;
  /** The source port, if it stayed the same. */
  sourcePort: number | undefined;
  /** The type of service, if it stayed the same. */
  tos: number | undefined;
  /** The time to live, if it stayed the same. */
  ttl: number | undefined;
  /** And of all counted packets' flags. */
  flagsAnd: number;
  /** Or of all counted packets' flags. */
  flagsOr: number;
  /** The first packet's wall time. */
  firstSeen: number;
  /** The ports in the order seen. */
  ports: number[];
}

/**
 * A bounded table of sources, in buckets chosen by a keyed hash: nobody outside
 * can choose addresses that meet in one bucket. When a bucket is full, an
 * outdated entry makes room, else one at random among the lightest: a flood of
 * spoofed addresses, each seen once, pushes out its own kind and leaves the
 * scanner that has gathered weight.
 *
 * What decides about an entry (tag, time, weight) stands in arrays of its own:
 * to look for a victim among sixteen entries takes four cache lines then, not
 * sixteen.
 */
export class SourceTable {
  /** Sources that fit. */
  readonly capacity: number;
  /** Live entries that were forgotten because their bucket was full. */
  evicted = 0;
  /** Entries in use, outdated ones included. */
  size = 0;

  /** All records, `#stride` words each. */
  readonly #words: Int32Array;
  /** The same memory, for {@linkcode FIRST_SEEN}. */
  readonly #doubles: Float64Array;
  /** The same memory, for the ports. */
  readonly #halves: Uint16Array;
  readonly #stride: number;
  /** Where in a record a bit for each port of the list stands: it answered. */
  readonly #answered: number;
  /** Where in a record the words for IPv6 start. */
  readonly #ipv6: number;
  /** When each entry's last counted packet was seen, in milliseconds. */
  readonly #times: Float64Array;
  readonly #weights: Uint16Array;
  /** The last word of each entry's key: all that differs in IPv4. */
  readonly #keys: Int32Array;
  /** A byte of hash of each entry's key, to compare sixteen at once. */
  readonly #tags: Int32Array;
  readonly #shift: number;
  readonly #scanDelay: number;
  readonly #hash: AddressHash;
  readonly #choice: XorShift;
  /**
   * Called with an outdated entry before another source takes it over, if
   * somebody wants to know what it held.
   */
  onForget: ((entry: number) => void) | undefined;
  /** The bucket and the tag that were looked for last. */
  #bucket = 0;
  #tag = 0;

  /** @throws {RangeError} If the table would take more than 1 GiB. */
  constructor({ sources, ports, scanDelay, random }: SourceTableOptions) {
    this.capacity = 2 ** Math.ceil(Math.log2(sources));
    this.#answered = PORT_COUNT + Math.ceil((1 + ports) / 2);
    this.#ipv6 = this.#answered + Math.ceil(ports / 32);
    this.#stride = roundUp(this.#ipv6 + IPV6_WORDS, 16);
    const bytes = this.capacity * (this.#stride * 4 + 8 + 4 + 2 + 1);
    if (bytes > MAX_TABLE_BYTES) {
      throw new RangeError(
        `Cannot allocate the source table: ${sources} sources of ${ports} ports each would take ${
          Math.ceil(bytes / 2 ** 20)
        } MiB, at most ${
          MAX_TABLE_BYTES / 2 ** 20
        } MiB are allowed; lower sources, minPorts or privilegedWeight`,
      );
    }
    this.#words = new Int32Array(this.capacity * this.#stride);
    this.#doubles = new Float64Array(this.#words.buffer);
    this.#halves = new Uint16Array(this.#words.buffer);
    this.#times = new Float64Array(this.capacity);
    this.#weights = new Uint16Array(this.capacity);
    this.#keys = new Int32Array(this.capacity);
    this.#tags = new Int32Array(this.capacity / 4);
    this.#shift = 32 - Math.log2(this.capacity / WAYS);
    this.#scanDelay = scanDelay;
    this.#hash = new AddressHash(random);
    this.#choice = new XorShift(random());
  }

  /** The memory of the table, in bytes. */
  get byteLength(): number {
    return this.#words.byteLength + this.#times.byteLength +
      this.#weights.byteLength + this.#keys.byteLength +
      this.#tags.byteLength;
  }

  /**
   * Finds the entry of a source.
   *
   * @returns Its number, or -1.
   */
  find(w0: number, w1: number, w2: number, w3: number): number {
    const hash = this.#hash;
    hash.of(w0, w1, w2, w3);
    // >>> takes its right side modulo 32: a table of one bucket is special.
    const bucket = this.#shift === 32 ? 0 : hash.bucket >>> this.#shift;
    const isIpv4 = w2 === MAPPED && w1 === 0 && w0 === 0;
    const tag = (hash.tag >>> 26) | (isIpv4 ? IN_USE | IS_IPV4_KEY : IN_USE);
    this.#bucket = bucket;
    this.#tag = tag;
    for (
      let matches = this.#matches(bucket, tag);
      matches !== 0;
      matches &= matches - 1
    ) {
      const entry = bucket * WAYS + slotOf(matches);
      if (this.#hasKey(entry, w0, w1, w2, w3)) return entry;
    }
    return -1;
  }

  /**
   * Compares a tag with all of a bucket's, without a branch that the processor
   * could foresee wrongly. Other entries than those with the tag may match too:
   * the key decides.
   *
   * @returns A set of slots, to be read by {@linkcode slotOf}.
   */
  #matches(bucket: number, tag: number): number {
    const tags = this.#tags;
    const at = bucket * TAG_WORDS;
    const each = Math.imul(tag, EACH_BYTE);
    return slots(
      zeroBytes(tags[at] ^ each),
      zeroBytes(tags[at + 1] ^ each),
      zeroBytes(tags[at + 2] ^ each),
      zeroBytes(tags[at + 3] ^ each),
    );
  }

  /** The free entries of a bucket, as a set of slots. */
  #free(bucket: number): number {
    const tags = this.#tags;
    const at = bucket * TAG_WORDS;
    return slots(
      ~tags[at] & HIGH_BITS,
      ~tags[at + 1] & HIGH_BITS,
      ~tags[at + 2] & HIGH_BITS,
      ~tags[at + 3] & HIGH_BITS,
    );
  }

  #setTag(entry: number, tag: number): void {
    const tags = this.#tags;
    const shift = (entry & 3) << 3;
    tags[entry >>> 2] = (tags[entry >>> 2] & ~(0xff << shift)) | (tag << shift);
  }

  #hasKey(
    entry: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
  ): boolean {
    if (this.#keys[entry] !== w3 || this.#tagOf(entry) !== this.#tag) {
      return false;
    }
    // The record is far away in memory; for IPv4 it need not be looked at.
    if ((this.#tag & IS_IPV4_KEY) !== 0) return true;
    const words = this.#words;
    const at = entry * this.#stride + KEY;
    return words[at + 2] === w2 && words[at + 1] === w1 && words[at] === w0;
  }

  #tagOf(entry: number): number {
    return (this.#tags[entry >>> 2] >>> ((entry & 3) << 3)) & 0xff;
  }

  /**
   * Takes an entry for the source that {@linkcode SourceTable.find} was last
   * asked for and did not find.
   *
   * @param time The time by which entries are outdated.
   * @returns Its number. The caller opens it.
   */
  insert(w0: number, w1: number, w2: number, w3: number, time: number): number {
    const tag = this.#tag;
    const entry = this.#victim(this.#bucket, time);
    this.#setTag(entry, tag);
    this.#keys[entry] = w3;
    const words = this.#words;
    const at = entry * this.#stride + KEY;
    words[at] = w0;
    words[at + 1] = w1;
    words[at + 2] = w2;
    words[at + 3] = w3;
    return entry;
  }

  /** Frees an entry. */
  remove(entry: number): void {
    this.#setTag(entry, 0);
    this.size--;
  }

  /** Whether an entry's last counted packet is too old, or in the future. */
  isOutdated(entry: number, time: number): boolean {
    const age = time - this.#times[entry];
    return age > this.#scanDelay || age < 0;
  }

  /** Whether an entry's last counted packet is older than a pause allows. */
  isOlder(entry: number, time: number, pause: number): boolean {
    const age = time - this.#times[entry];
    return age > pause || age < 0;
  }

  /** The entry of a bucket that a new source takes. */
  #victim(bucket: number, time: number): number {
    const first = bucket * WAYS;
    const free = this.#free(bucket);
    if (free !== 0) {
      this.size++;
      return first + slotOf(free);
    }
    for (let entry = first; entry < first + WAYS; entry++) {
      if (!this.isOutdated(entry, time)) continue;
      if (this.onForget !== undefined) this.onForget(entry);
      return entry;
    }
    this.evicted++;
    return this.#lightest(first);
  }

  /** One at random among the lightest: each has the same chance (Knuth's R). */
  #lightest(first: number): number {
    const weights = this.#weights;
    let chosen = first;
    let ties = 1;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      const difference = weights[entry] - weights[chosen];
      if (difference > 0) continue;
      if (difference < 0) ties = 1;
      else if ((this.#choice.next() >>> 0) % ++ties !== 0) continue;
      chosen = entry;
    }
    return chosen;
  }

  /** Writes what is remembered of a source's first packet, all but the key. */
  open(entry: number, segment: Segment, weight: number): void {
    const words = this.#words;
    const at = entry * this.#stride;
    const { flags } = segment;
    words[at + DESTINATION3] = segment.destination3;
    words[at + FLAGS] = (flags << 8) | flags;
    this.#doubles[(at + FIRST_SEEN) >> 1] = segment.wallTime;
    words[at + FIXED] = fixedOf(segment);
    words[at + DIFFERENCES] = 0;
    words[at + PORT_FILTER] = 1 << segment.destinationPort;
    this.#halves[(at + PORT_COUNT) << 1] = 1;
    this.#halves[((at + PORT_COUNT) << 1) + 1] = segment.destinationPort;
    words[at + this.#answered] = 0;
    if (this.#ipv6 - this.#answered > 1) this.#clearAnswered(at);
    this.#times[entry] = segment.time;
    this.#weights[entry] = weight;
    if (segment.version !== 4) this.#openIpv6(at, segment);
  }

  #clearAnswered(record: number): void {
    this.#words.fill(0, record + this.#answered, record + this.#ipv6);
  }

  #openIpv6(record: number, segment: Segment): void {
    const words = this.#words;
    const at = record + this.#ipv6;
    words[record + FLAGS] |= IS_IPV6;
    words[at + DESTINATION] = segment.destination0;
    words[at + DESTINATION + 1] = segment.destination1;
    words[at + DESTINATION + 2] = segment.destination2;
    words[at + SOURCE] = segment.source0;
    words[at + SOURCE + 1] = segment.source1;
    words[at + SOURCE + 2] = segment.source2;
    words[at + SOURCE + 3] = segment.source3;
  }

  /** Whether an entry's list holds a port. */
  hasPort(entry: number, port: number): boolean {
    const record = entry * this.#stride;
    // Saves most new ports the walk. (<< takes its right side modulo 32.)
    if ((this.#words[record + PORT_FILTER] & (1 << port)) === 0) return false;
    const halves = this.#halves;
    const at = (record + PORT_COUNT) << 1;
    for (let i = halves[at]; i > 0; i--) {
      if (halves[at + i] === port) return true;
    }
    return false;
  }

  /** Adds a port to an entry's list, which must have room. */
  addPort(entry: number, port: number): void {
    const record = entry * this.#stride;
    const halves = this.#halves;
    const at = (record + PORT_COUNT) << 1;
    const count = halves[at] + 1;
    halves[at] = count;
    halves[at + count] = port;
    this.#words[record + PORT_FILTER] |= 1 << port;
  }

  /** How many ports an entry's list holds. */
  portCount(entry: number): number {
    return this.#halves[(entry * this.#stride + PORT_COUNT) << 1];
  }

  /** The port at an index of an entry's list. */
  portAt(entry: number, index: number): number {
    return this.#halves[((entry * this.#stride + PORT_COUNT) << 1) + 1 + index];
  }

  /** Where in an entry's list a port stands, or -1. */
  portIndex(entry: number, port: number): number {
    const start = ((entry * this.#stride + PORT_COUNT) << 1) + 1;
    const end = start + this.#halves[start - 1];
    for (let at = start; at < end; at++) {
      if (this.#halves[at] === port) return at - start;
    }
    return -1;
  }

  /** Takes a port out of an entry's list; the order of the others stays. */
  removePort(entry: number, index: number): void {
    const count = this.portCount(entry);
    const record = entry * this.#stride;
    const start = ((record + PORT_COUNT) << 1) + 1;
    this.#halves.copyWithin(start + index, start + index + 1, start + count);
    this.#halves[start - 1] = count - 1;
    let filter = 0;
    for (let i = 0; i < count - 1; i++) filter |= 1 << this.portAt(entry, i);
    this.#words[record + PORT_FILTER] = filter;
    for (let i = index; i < count - 1; i++) {
      this.#setAnswered(entry, i, this.isAnswered(entry, i + 1));
    }
    this.#setAnswered(entry, count - 1, false);
  }

  /** Whether the port at an index of an entry's list has answered. */
  isAnswered(entry: number, index: number): boolean {
    const at = entry * this.#stride + this.#answered + (index >>> 5);
    return (this.#words[at] & (1 << index)) !== 0;
  }

  /** Remembers that the port at an index of an entry's list has answered. */
  markAnswered(entry: number, index: number): void {
    this.#setAnswered(entry, index, true);
  }

  #setAnswered(entry: number, index: number, value: boolean): void {
    const at = entry * this.#stride + this.#answered + (index >>> 5);
    const bit = 1 << index;
    if (value) this.#words[at] |= bit;
    else this.#words[at] &= ~bit;
  }

  /**
   * Takes flags into an entry of which not all are known.
   *
   * @param always Flags that were certainly set.
   * @param ever Flags that may have been set.
   */
  mergeKnownFlags(entry: number, always: number, ever: number): void {
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] | ever) & ~((~always & 0xff) << 8);
  }

  /** No type of service and no time to live is to be told of an entry. */
  forgetHeader(entry: number): void {
    this.#words[entry * this.#stride + DIFFERENCES] |= HEADER_FIELDS;
  }

  /** Whether a segment goes where the entry's first packet went. */
  isFirstDestination(entry: number, segment: Segment): boolean {
    const at = entry * this.#stride;
    if (this.#words[at + DESTINATION3] !== segment.destination3) return false;
    if (segment.version === 4) return true;
    return (this.#changesIpv6(at, segment) & CHANGED_DESTINATION) === 0;
  }

  /** Of the or of all counted packets' flags, those of a mask. */
  flagsEver(entry: number, mask: number): number {
    return this.#words[entry * this.#stride + FLAGS] & 0xff & mask;
  }

  /** {@linkcode SEEN}, {@linkcode ANSWERED} or {@linkcode VERIFIED}. */
  standing(entry: number): number {
    return (this.#words[entry * this.#stride + FLAGS] >>> STANDING_SHIFT) & 3;
  }

  /** Raises an entry's standing. */
  raiseStanding(entry: number, standing: number): void {
    if (standing <= this.standing(entry)) return;
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] & ~(3 << STANDING_SHIFT)) |
      (standing << STANDING_SHIFT);
  }

  /** The protocol of an entry's probes. */
  protocol(entry: number): Protocol {
    const flags = this.#words[entry * this.#stride + FLAGS];
    return PROTOCOLS[(flags >>> PROTOCOL_SHIFT) & 3];
  }

  /** Sets the protocol of an entry's probes; until then it is TCP. */
  setProtocol(entry: number, protocol: Protocol): void {
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] & ~(3 << PROTOCOL_SHIFT)) |
      (PROTOCOLS.indexOf(protocol) << PROTOCOL_SHIFT);
  }

  /** Whether another source sent one of an entry's probes, too. */
  isShared(entry: number): boolean {
    return (this.#words[entry * this.#stride + FLAGS] & IS_SHARED) !== 0;
  }

  /** Remembers that another source sent one of an entry's probes, too. */
  markShared(entry: number): void {
    this.#words[entry * this.#stride + FLAGS] |= IS_SHARED;
  }

  /** Where an entry's scan is followed, or -1. */
  place(entry: number): number {
    return (this.#words[entry * this.#stride + FLAGS] >>> PLACE_SHIFT) - 1;
  }

  /** Remembers where an entry's scan is followed; -1: nowhere. */
  setPlace(entry: number, place: number): void {
    const at = entry * this.#stride + FLAGS;
    this.#words[at] = (this.#words[at] & ((1 << PLACE_SHIFT) - 1)) |
      ((place + 1) << PLACE_SHIFT);
  }

  /** Writes what is remembered of an entry's first packet into a segment. */
  copyFirst(entry: number, segment: Segment): void {
    const words = this.#words;
    const at = entry * this.#stride;
    const ipv6 = at + this.#ipv6;
    const isIpv6 = (words[at + FLAGS] & IS_IPV6) !== 0;
    const source = isIpv6 ? ipv6 + SOURCE : at + KEY;
    segment.version = isIpv6 ? 6 : 4;
    segment.source0 = words[source];
    segment.source1 = words[source + 1];
    segment.source2 = words[source + 2];
    segment.source3 = words[source + 3];
    segment.destination0 = isIpv6 ? words[ipv6 + DESTINATION] : 0;
    segment.destination1 = isIpv6 ? words[ipv6 + DESTINATION + 1] : 0;
    segment.destination2 = isIpv6 ? words[ipv6 + DESTINATION + 2] : MAPPED;
    segment.destination3 = words[at + DESTINATION3];
    segment.sourcePort = words[at + FIXED] >>> 16;
    segment.tos = (words[at + FIXED] >>> 8) & 0xff;
    segment.ttl = words[at + FIXED] & 0xff;
    segment.flags = words[at + FLAGS] & 0xff;
    segment.time = this.#times[entry];
    segment.wallTime = this.#doubles[(at + FIRST_SEEN) >> 1];
  }

  /** Takes in what another table's entry of the same source holds but ports. */
  absorb(entry: number, other: SourceTable, otherEntry: number): void {
    const words = this.#words;
    const at = entry * this.#stride;
    const from = otherEntry * other.#stride;
    const flags = other.#words[from + FLAGS];
    this.mergeKnownFlags(entry, (flags >>> 8) & 0xff, flags & 0xff);
    words[at + FLAGS] |= flags & (CHANGED_DESTINATION | CHANGED_SOURCE);
    words[at + DIFFERENCES] |= other.#words[from + DIFFERENCES];
    this.setProtocol(entry, other.protocol(otherEntry));
    this.raiseStanding(entry, other.standing(otherEntry));
  }

  /** The words of the address that an entry counts under. */
  keyWord(entry: number, index: number): number {
    return this.#words[entry * this.#stride + KEY + index];
  }

  /** When an entry's last counted packet was seen, in milliseconds. */
  time(entry: number): number {
    return this.#times[entry];
  }

  /** Takes a further packet's flags into an entry. */
  mergeFlags(entry: number, flags: number): void {
    const words = this.#words;
    const at = entry * this.#stride + FLAGS;
    words[at] = (words[at] | flags) & ~((~flags & 0xff) << 8);
  }

  /** Takes into an entry what differs from its first packet. */
  mergeChanges(entry: number, segment: Segment): void {
    const words = this.#words;
    const at = entry * this.#stride;
    // Scanners vary these at random: no branch could be foreseen.
    words[at + DIFFERENCES] |= words[at + FIXED] ^ fixedOf(segment);
    if (words[at + DESTINATION3] !== segment.destination3) {
      words[at + FLAGS] |= CHANGED_DESTINATION;
    }
    if (segment.version !== 4 || (words[at + FLAGS] & IS_IPV6) !== 0) {
      words[at + FLAGS] |= this.#changesIpv6(at, segment);
    }
  }

  /** Compares the words that {@linkcode SourceTable.mergeChanges} does not. */
  #changesIpv6(record: number, segment: Segment): number {
    const words = this.#words;
    const isIpv6 = (words[record + FLAGS] & IS_IPV6) !== 0;
    const at = record + this.#ipv6 + DESTINATION;
    // An IPv4-mapped source can send IPv6 too, so both families may meet here.
    const isSameDestination = isIpv6
      ? words[at + 2] === segment.destination2 &&
        words[at + 1] === segment.destination1 &&
        words[at] === segment.destination0
      : isIpv4Mapped(
        segment.destination0,
        segment.destination1,
        segment.destination2,
      );
    const source = isIpv6 ? record + this.#ipv6 + SOURCE : record + KEY;
    const isSameSource = words[source + 3] === segment.source3 &&
      words[source + 2] === segment.source2 &&
      words[source + 1] === segment.source1 &&
      words[source] === segment.source0;
    return (isSameDestination ? 0 : CHANGED_DESTINATION) |
      (isSameSource ? 0 : CHANGED_SOURCE);
  }

  /** Renews an entry: it is outdated a scan delay after this time. */
  renew(entry: number, time: number): void {
    this.#times[entry] = time;
  }

  /** An entry's weight. */
  weight(entry: number): number {
    return this.#weights[entry];
  }

  /** Sets an entry's weight. */
  setWeight(entry: number, weight: number): void {
    this.#weights[entry] = weight;
  }

  /** Takes back from an entry's weight. */
  takeWeight(entry: number, weight: number): void {
    this.#weights[entry] = Math.max(0, this.#weights[entry] - weight);
  }

  /** Hands all entries to {@linkcode SourceTable.onForget}; they stay. */
  forgetAll(): void {
    if (this.onForget === undefined) return;
    for (let entry = 0; entry < this.capacity; entry++) {
      if (this.#tagOf(entry) !== 0) this.onForget(entry);
    }
  }

  /** Adds to an entry's weight; returns the sum. */
  addWeight(entry: number, weight: number): number {
    return this.#weights[entry] += weight;
  }

  #destination(record: number): AddressWords {
    const words = this.#words;
    const at = record + this.#ipv6 + DESTINATION;
    const w3 = words[record + DESTINATION3];
    return (words[record + FLAGS] & IS_IPV6) === 0
      ? [0, 0, IPV4_MAPPED, w3]
      : [words[at], words[at + 1], words[at + 2], w3];
  }

  #source(record: number): AddressWords {
    return (this.#words[record + FLAGS] & IS_IPV6) === 0
      ? wordsAt(this.#words, record + KEY) // no prefix of it counts
      : wordsAt(this.#words, record + this.#ipv6 + SOURCE);
  }

  /** Reads what is remembered of a source. */
  read(entry: number): SourceRecord {
    const words = this.#words;
    const at = entry * this.#stride;
    const flags = words[at + FLAGS];
    const fixed = words[at + FIXED];
    const differences = words[at + DIFFERENCES];
    const isSourceChanged = (flags & CHANGED_SOURCE) !== 0;
    const isPortChanged = isSourceChanged || differences >>> 16 !== 0;
    const ports = (at + PORT_COUNT) << 1;
    return {
      key: wordsAt(words, at + KEY),
      source: this.#source(at),
      isSourceChanged,
      destination: this.#destination(at),
      isDestinationChanged: (flags & CHANGED_DESTINATION) !== 0,
      sourcePort: isPortChanged ? undefined : fixed >>> 16,
      tos: (differences & 0xff00) === 0 ? (fixed >>> 8) & 0xff : undefined,
      ttl: (differences & 0xff) === 0 ? fixed & 0xff : undefined,
      flagsAnd: (flags >>> 8) & 0xff,
      flagsOr: flags & 0xff,
      firstSeen: this.#doubles[(at + FIRST_SEEN) >> 1],
      ports: Array.from(
        this.#halves.subarray(ports + 1, ports + 1 + this.#halves[ports]),
      ),
    };
  }
}

function wordsAt(words: Int32Array, at: number): AddressWords {
  return [words[at], words[at + 1], words[at + 2], words[at + 3]];
}

function fixedOf({ sourcePort, tos, ttl }: Segment): number {
  return (sourcePort << 16) | (tos << 8) | ttl;
}

/**
 * Finds zero bytes: their highest bits are set in the result. The byte above a
 * zero may be found too if it is one.
 */
function zeroBytes(word: number): number {
  return (word - EACH_BYTE) & ~word & HIGH_BITS;
}

/** Puts together four words in which only the bytes' highest bits are set. */
function slots(a: number, b: number, c: number, d: number): number {
  return (a >>> 7) | (b >>> 6) | (c >>> 5) | (d >>> 4);
}

/** The slot of the lowest bit of a set: bit `8 * byte + word`. */
function slotOf(slots: number): number {
  const bit = 31 - Math.clz32(slots & -slots);
  return ((bit & 7) << 2) | (bit >>> 3);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
