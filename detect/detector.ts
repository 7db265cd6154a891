/**
 * The detector: packets in, reports out.
 *
 * @module
 */

import { type AddressSet, isIpv4Mapped } from "./address.ts";
import { ClassicRule } from "./classic.ts";
import { FloodLimit, TELL, TELL_MORE_FOLLOW } from "./flood.ts";
import { HeaderReassembler } from "./fragments.ts";
import { secretNumbers } from "./hash.ts";
import {
  DAMAGED,
  DECODED,
  FRAGMENT,
  HeaderDecoder,
  OTHER_PROTOCOL,
  type Outcome,
  TOO_DEEP,
} from "./headers.ts";
import { findNetworkHeader, FRAME_DAMAGED, FRAME_TOO_DEEP } from "./link.ts";
import { type DetectorOptions, resolveSettings } from "./options.ts";
import { DIRECTION_OUT, type Packet } from "./packet.ts";
import { describeScan, type ReportHandler } from "./report.ts";
import { Segment } from "./segment.ts";

/** What a detector has counted since it was made. */
export class Counters {
  /** Packets looked at. */
  packets = 0;
  /** TCP segments decoded, reassembled ones included. */
  segments = 0;
  /** Packets that are fragments. */
  fragments = 0;
  /** Packets of another protocol than the rules look at. */
  otherProtocols = 0;
  /** Packets that end inside a header, or whose header contradicts itself. */
  damaged = 0;
  /** Packets with more extension headers or tags than are walked. */
  tooDeep = 0;
  /** Segments that were not for this host. */
  notLocal = 0;
  /** Segments that this host sent. */
  outgoing = 0;
  /** Scans found, those suppressed by the flood limit included. */
  scans = 0;
  /** Scans not told because of the flood limit. */
  suppressed = 0;
}

/**
 * Finds port scans among the packets it is given.
 *
 * @example
 * ```ts
 * import { Detector, formatReport, Segment, TCP_SYN } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * const detector = new Detector(
 *   (report) => lines.push(formatReport(report, { utc: true })),
 *   { minPorts: 3 },
 * );
 * for (const destinationPort of [22, 23, 25]) {
 *   detector.segment(Segment.from({
 *     source: "192.0.2.1",
 *     destination: "192.0.2.2",
 *     sourcePort: 40000,
 *     destinationPort,
 *     flags: TCP_SYN,
 *     time: Date.UTC(2026, 0, 1, 6, 40, 13),
 *   }));
 * }
 * assertEquals(lines, [
 *   "192.0.2.1:40000 to 192.0.2.2 ports 22, 23, ..., fSrpauxy, TOS 00, TTL 64 @06:40:13",
 * ]);
 * ```
 */
export class Detector {
  /** What has been counted so far. */
  readonly counters: Counters = new Counters();
  readonly #report: ReportHandler;
  readonly #ignore: AddressSet | undefined;
  readonly #local: AddressSet | undefined;
  readonly #ipv6Prefix: number;
  readonly #rule: ClassicRule;
  readonly #flood: FloodLimit;
  readonly #segment = new Segment();
  readonly #decoder = new HeaderDecoder(this.#segment);
  readonly #reassembler: HeaderReassembler;

  /**
   * Makes a detector and allocates all its memory.
   *
   * @param report Called with each report, while a packet is being looked at.
   * @param options What differs from the defaults.
   * @throws {RangeError} If an option is outside its range.
   */
  constructor(report: ReportHandler, options: DetectorOptions = {}) {
    const settings = resolveSettings(options);
    const random = options.random ?? secretNumbers();
    this.#report = report;
    this.#ignore = options.ignore;
    this.#local = options.local;
    this.#ipv6Prefix = settings.ipv6Prefix;
    this.#rule = new ClassicRule(settings, random, options.onLink);
    this.#flood = new FloodLimit(settings);
    this.#reassembler = new HeaderReassembler(
      random,
      (protocol, header) => this.#reassembled(protocol, header),
    );
  }

  /** The memory of all tables in bytes; it is allocated at once and stays. */
  get byteLength(): number {
    return this.#rule.table.byteLength + this.#reassembler.byteLength;
  }

  /** Sources remembered at the moment, outdated ones included. */
  get sources(): number {
    return this.#rule.table.size;
  }

  /** Sources and datagrams forgotten early because their table was full. */
  get evicted(): number {
    return this.#rule.table.evicted + this.#reassembler.evicted;
  }

  /**
   * Looks at a packet. The packet and its bytes may be reused afterwards.
   * Whatever the bytes are, it does not throw.
   *
   * @example
   * ```ts
   * import { Detector, LINKTYPE_RAW, Packet } from "@scanlogd/scanlogd";
   * import { assertEquals } from "@std/assert";
   *
   * const detector = new Detector(() => {});
   * const packet = new Packet();
   * packet.linkType = LINKTYPE_RAW;
   * packet.view = new DataView(new Uint8Array([0x45, 0]).buffer);
   * packet.length = 2;
   * detector.packet(packet);
   * assertEquals(detector.counters.damaged, 1);
   * ```
   */
  packet(packet: Packet): void {
    const { counters } = this;
    counters.packets++;
    const start = findNetworkHeader(packet);
    if (start < 0) {
      if (start === FRAME_DAMAGED) counters.damaged++;
      else if (start === FRAME_TOO_DEEP) counters.tooDeep++;
      else counters.otherProtocols++;
      return;
    }
    const segment = this.#segment;
    segment.time = packet.time;
    segment.wallTime = packet.wallTime;
    segment.direction = packet.direction;
    segment.interfaceIndex = packet.interfaceIndex;
    const end = packet.offset + packet.length;
    const outcome = this.#decoder.decode(packet.view, start, end);
    if (this.#decoder.fragment.isFragment) {
      this.#fragment(packet.view, outcome);
    } else if (outcome === DECODED) this.segment(segment);
    else this.#countLost(outcome);
  }

  /** A fragment's header comes back through the reassembler. */
  #fragment(view: DataView, outcome: Outcome): void {
    this.counters.fragments++;
    const { position, hasExtensions } = this.#decoder.fragment;
    if (position === 0 && hasExtensions && outcome === DECODED) {
      this.segment(this.#segment); // the payload does not begin with its header
    } else if (outcome === DECODED || outcome === FRAGMENT) {
      this.#reassembler.add(this.#segment, this.#decoder.fragment, view);
    } else this.#countLost(outcome);
  }

  #reassembled(protocol: number, header: DataView): void {
    this.#segment.protocol = protocol;
    const outcome = this.#decoder.decodeTransport(
      header,
      0,
      header.byteLength,
    );
    if (outcome === DECODED) this.segment(this.#segment);
    else this.#countLost(outcome);
  }

  #countLost(outcome: Outcome): void {
    if (outcome === OTHER_PROTOCOL) this.counters.otherProtocols++;
    else if (outcome === DAMAGED) this.counters.damaged++;
    else if (outcome === TOO_DEEP) this.counters.tooDeep++;
  }

  /** Looks at a decoded segment, which may be reused afterwards. */
  segment(segment: Segment): void {
    this.counters.segments++;
    if (segment.direction === DIRECTION_OUT) {
      this.counters.outgoing++;
      return;
    }
    if (segment.source3 === 0 && isUnspecified(segment)) return;
    if (this.#ignore !== undefined && this.#isIgnored(segment)) return;
    if (this.#local !== undefined && !this.#isLocal(segment)) {
      this.counters.notLocal++;
      return;
    }
    const entry = this.#rule.apply(segment);
    if (entry >= 0) this.#tell(entry, segment);
  }

  /**
   * Tells the detector the time while no packets come, so that it reports what
   * only time decides. Packets tell it too.
   *
   * @param time On the clock of the packets, in milliseconds.
   * @param wallTime In milliseconds since 1970-01-01 UTC.
   * @returns After how many milliseconds it wants to be told again; Infinity: not
   * before the next packet.
   */
  advance(_time: number, _wallTime: number): number {
    return Infinity;
  }

  /** Reports what is left at the end of the packets. */
  finish(): void {}

  #isIgnored({ source0, source1, source2, source3 }: Segment): boolean {
    return this.#ignore!.has(source0, source1, source2, source3);
  }

  #isLocal(s: Segment): boolean {
    return this.#local!.has(
      s.destination0,
      s.destination1,
      s.destination2,
      s.destination3,
    );
  }

  #tell(entry: number, segment: Segment): void {
    this.counters.scans++;
    const verdict = this.#flood.next(segment.time);
    if (verdict === TELL) {
      this.#report(
        describeScan(this.#rule.table, entry, segment, this.#ipv6Prefix),
      );
      return;
    }
    this.counters.suppressed++;
    if (verdict === TELL_MORE_FOLLOW) {
      this.#report({ type: "flood", completed: segment.wallTime });
    }
  }
}

/** 0.0.0.0 or ::, which no host may use as a source (RFC 1122, RFC 4291). */
function isUnspecified(
  { source0, source1, source2, source3 }: Segment,
): boolean {
  return source3 === 0 &&
    (isIpv4Mapped(source0, source1, source2) ||
      (source0 | source1 | source2) === 0);
}
