/**
 * The detector: packets in, reports out. A packet's path:
 *
 * 1. `packet()`: link.ts finds the network header, headers.ts decodes it and
 *    the transport header in place into one segment that is used again and
 *    again. Fragments go through fragments.ts.
 * 2. `segment()`: what our hosts sent is evidence (evidence.ts); what is not for
 *    them, or of a source to be ignored (ownership.ts), ends here.
 * 3. classic.ts decides. buckets.ts finds the source's entry by its tag (tags.ts)
 *    and hash (hash.ts), and makes room for a new one; sources.ts keeps the
 *    ports. For most packets that is the end.
 * 4. What the rule did not count, and what completes a scan, goes to
 *    evidence.ts, which tells it through reporter.ts.
 *
 * What holds on this path up to a report, whatever comes in: nothing is
 * allocated, nothing throws, nothing calls C, and the work is bounded, as is
 * every table: headers by their number, a bucket by its ways, a list of ports by
 * the scan that it makes. A step that nothing asked for is a test of one field.
 *
 * @module
 */

import { isIpv4Mapped } from "./address.ts";
import { ClassicRule } from "./classic.ts";
import { Counters } from "./counters.ts";
import { Evidence } from "./evidence.ts";
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
  REFUSAL,
  TOO_DEEP,
} from "./headers.ts";
import { findNetworkHeader, FRAME_DAMAGED, FRAME_TOO_DEEP } from "./link.ts";
import { type DetectorOptions, resolveSettings } from "./options.ts";
import { Ownership } from "./ownership.ts";
import { DIRECTION_OUT, type Packet } from "./packet.ts";
import { describeScan, type ReportHandler } from "./report.ts";
import { PROTOCOL_TCP, Segment, TCP_FIN, TCP_RST } from "./segment.ts";

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const TCP = PROTOCOL_TCP;
const OUT = DIRECTION_OUT;
const CLOSING = TCP_FIN | TCP_RST;

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
 * detector.finish(); // live: advance() with the time tells it, too
 * assertEquals(lines, [
 *   "192.0.2.1:40000 to 192.0.2.2 ports 22, 23, ..., fSrpauxy, TOS 00, TTL 64 @06:40:13",
 * ]);
 * ```
 */
export class Detector {
  /** What has been counted so far. */
  readonly counters: Counters = new Counters();
  readonly #report: ReportHandler;
  readonly #ownership: Ownership;
  readonly #ipv6Prefix: number;
  readonly #rule: ClassicRule;
  readonly #flood: FloodLimit;
  /** What goes beyond the classic rule; undefined if nothing is to. */
  readonly #evidence: Evidence | undefined;
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
    this.#ownership = new Ownership(options);
    this.#ipv6Prefix = settings.ipv6Prefix;
    this.#rule = new ClassicRule(settings, random, options.onLink);
    this.#flood = new FloodLimit(settings);
    this.#evidence = options.classic ? undefined : new Evidence(
      settings,
      random,
      this.#rule,
      (segment) => this.#ownership.goesToUs(segment),
      report,
      this.counters,
      options.ends ?? false,
    );
    this.#reassembler = new HeaderReassembler(
      random,
      (protocol, header) => this.#reassembled(protocol, header),
    );
  }

  /** The memory of all tables in bytes; it is allocated at once and stays. */
  get byteLength(): number {
    return this.#rule.table.byteLength + this.#reassembler.byteLength +
      (this.#evidence?.byteLength ?? 0);
  }

  /** Sources remembered at the moment, outdated ones included. */
  get sources(): number {
    return this.#rule.table.size;
  }

  /** Sources and datagrams forgotten early because their table was full. */
  get evicted(): number {
    return this.#rule.table.evicted + this.#reassembler.evicted +
      (this.#evidence?.evicted ?? 0);
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
    else if (outcome === REFUSAL) this.#refusal();
    else this.#countLost(outcome);
  }

  /** An ICMP error counts if we sent it because of a packet to us. */
  #refusal(): void {
    this.counters.refusals++;
    const error = this.#segment;
    const { quoted, quotedKind } = this.#decoder;
    const evidence = this.#evidence;
    const ownership = this.#ownership;
    if (evidence === undefined || !ownership.comesFromUs(error)) return;
    if (!ownership.wasForUs(quoted) || !isAnswerTo(error, quoted)) return;
    if (ownership.isIgnored(quoted)) return;
    this.#catchUp(error.time);
    evidence.refused(quoted, quotedKind);
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
    const evidence = this.#evidence;
    const ownership = this.#ownership;
    this.#catchUp(segment.time);
    if (segment.direction === OUT || ownership.hasHome) {
      this.#lookAtSent(segment);
      if (segment.direction === OUT) return;
    }
    if (segment.source3 === 0 && isUnspecified(segment)) return;
    if (ownership.isSelective && this.#isPassedOver(segment)) return;
    if (segment.protocol !== TCP) {
      evidence?.sctp(segment);
      return;
    }
    if ((segment.flags & CLOSING) !== 0) evidence?.closing(segment);
    const entry = this.#rule.apply(segment);
    if (entry >= 0) this.#complete(entry, segment);
  }

  #complete(entry: number, segment: Segment): void {
    if (this.#evidence !== undefined) this.#evidence.completed(entry, segment);
    else this.#tell(entry, segment);
  }

  #lookAtSent(segment: Segment): void {
    if (segment.direction === OUT) this.counters.outgoing++;
    const evidence = this.#evidence;
    const ownership = this.#ownership;
    if (evidence === undefined || !ownership.comesFromUs(segment)) return;
    if (!ownership.isIgnoredPeer(segment)) evidence.sent(segment);
  }

  /** Whether no scan is looked for in an incoming segment. */
  #isPassedOver(segment: Segment): boolean {
    if (this.#ownership.isIgnored(segment)) return true;
    if (this.#ownership.isWanted(segment)) return false;
    this.counters.notLocal++;
    return true;
  }

  /** Does what time has decided. */
  #catchUp(time: number): void {
    const evidence = this.#evidence;
    if (evidence !== undefined && time >= evidence.deadline) {
      evidence.settle(time);
    }
  }

  /**
   * Tells the detector the time while no packets come, so that it reports what
   * only time decides. Packets tell it too.
   *
   * @param time On the clock of the packets, in milliseconds.
   * @returns After how many milliseconds it wants to be told again; Infinity: not
   * before the next packet.
   */
  advance(time: number): number {
    this.#catchUp(time);
    const deadline = this.#evidence?.deadline ?? Infinity;
    return Math.max(0, deadline - time);
  }

  /**
   * Reports what is left when no more packets come: scans that wait for the
   * host's answers, and the ends of scans.
   */
  finish(): void {
    this.#evidence?.finish();
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

/** Whether an error goes where the packet came from that it quotes. */
function isAnswerTo(error: Segment, quoted: Segment): boolean {
  return error.destination3 === quoted.source3 &&
    error.destination2 === quoted.source2 &&
    error.destination1 === quoted.source1 &&
    error.destination0 === quoted.source0;
}
