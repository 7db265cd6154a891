/**
 * Whose a segment is, and so who looks at it: what our hosts sent is evidence of
 * outcomes, what comes to them may be a probe, the rest is passed over.
 *
 * @module
 */

import { ClassicFinder } from "./classic_finder.ts";
import type { Counters } from "./counters.ts";
import { FleetFinder } from "./fleet_finder.ts";
import { ScanFinder } from "./finder/finder.ts";
import type { FinderOptions } from "./finder/state.ts";
import type { SegmentHandler } from "./intake.ts";
import { OutgoingFinder } from "./outgoing/outgoing_finder.ts";
import { isIpv4Mapped } from "./packet/address.ts";
import { DIRECTION_OUT } from "./packet/packet.ts";
import { PROTOCOL_TCP, type Segment } from "./packet/segment.ts";
import { isImpossibleSource } from "./probe/impossible.ts";
import type { Ownership } from "./probe/ownership.ts";
import type { ReportHandler } from "./report/report.ts";

// V8 folds a module's own constants, but loads and checks imported and exported
// ones at each use.
const TCP = PROTOCOL_TCP;
const OUT = DIRECTION_OUT;

/** Gives each segment to whom it concerns. */
export class Dispatcher implements SegmentHandler {
  readonly #counters: Counters;
  readonly #ownership: Ownership;
  /** The original's rules; undefined if they do not decide. */
  readonly #classic: ClassicFinder | undefined;
  /** What goes beyond them; undefined if nothing is to. */
  readonly #finder: ScanFinder | undefined;
  /** What looks for scans by our own hosts; undefined if nobody asks. */
  readonly #outgoing: OutgoingFinder | undefined;
  /** What looks at the probes of other hosts; it takes memory once one comes. */
  #fleet: FleetFinder | undefined;
  readonly #makeFleet: () => FleetFinder;

  constructor(
    options: FinderOptions,
    ownership: Ownership,
    report: ReportHandler,
    counters: Counters,
  ) {
    const { classic, outgoing, ends = false, settings, random } = options;
    this.#counters = counters;
    this.#ownership = ownership;
    if (classic) this.#classic = new ClassicFinder(options, report, counters);
    else this.#finder = new ScanFinder(options, ownership, report, counters);
    if (outgoing && !classic) {
      this.#outgoing = new OutgoingFinder(options, ownership, report, counters);
    }
    this.#makeFleet = () =>
      new FleetFinder({ settings, random, ends }, report, counters);
  }

  /** The memory of all tables, in bytes. */
  get byteLength(): number {
    return (this.#finder?.byteLength ?? 0) + (this.#fleet?.byteLength ?? 0) +
      (this.#outgoing?.byteLength ?? 0) +
      (this.#classic?.table.byteLength ?? 0);
  }

  /** Sources remembered. */
  get sources(): number {
    return (this.#finder?.sources ?? this.#classic?.table.size ?? 0) +
      (this.#fleet?.sources ?? 0);
  }

  /** Hosts whose probes are read. */
  get hosts(): number {
    return this.#fleet?.hosts ?? 0;
  }

  /** Sources forgotten early. */
  get evicted(): number {
    return (this.#finder?.evicted ?? 0) + (this.#fleet?.evicted ?? 0) +
      (this.#classic?.table.evicted ?? 0);
  }

  /** Whether a packet without ports is looked at: it concerns a host of ours. */
  concerns(segment: Segment): boolean {
    return this.#finder !== undefined &&
      (this.#ownership.goesToUs(segment) ||
        this.#ownership.comesFromUs(segment));
  }

  /** Whether a packet of another IP protocol may be a probe, or its answer. */
  mayProbe(segment: Segment): boolean {
    return this.concerns(segment) ||
      this.#finder !== undefined && this.#ownership.knowsNobody;
  }

  segment(segment: Segment): void {
    const finder = this.#finder;
    this.#counters.segments++;
    this.#catchUp(segment.time);
    const isOut = segment.direction === OUT;
    if (isOut) this.#counters.outgoing++;
    else if (this.#isForged(segment)) return;
    this.#outgoing?.look(segment);
    if (finder !== undefined) this.#lookAtSent(finder, segment);
    if (isOut) return;
    if (this.#ownership.isSelective && this.#isPassedOver(segment)) return;
    if (finder !== undefined) finder.received.segment(segment);
    else if (segment.protocol === TCP) this.#classic?.received(segment);
  }

  /** An ICMP error counts if we sent it because of a packet to us. */
  refusal(error: Segment, quoted: Segment): void {
    this.#refusesUs(error, quoted);
    const finder = this.#finder;
    const ownership = this.#ownership;
    if (finder === undefined) return;
    const isOurs = ownership.comesFromUs(error);
    if (!isOurs && !ownership.isUnknown(error)) return;
    if (!ownership.wasForUs(quoted) || !isAnswerTo(error, quoted)) return;
    if (ownership.isIgnored(quoted)) return;
    this.#catchUp(error.time);
    finder.sent.refused(quoted, isOurs);
  }

  /** Somebody refuses what one of our hosts has sent. */
  #refusesUs(error: Segment, quoted: Segment): void {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || !isAnswerTo(error, quoted)) return;
    this.#catchUp(error.time);
    outgoing.refused(error, quoted);
  }

  /** What another host has judged; every destination is taken for ours. */
  judged(probe: Segment, host: number): void {
    this.#counters.segments++;
    this.#catchUp(probe.time);
    if (isImpossibleSource(probe)) this.#counters.impossible++;
    else if (!this.#ownership.isIgnored(probe)) {
      this.#fleet ??= this.#makeFleet();
      this.#fleet.add(probe, host);
    }
  }

  /** Whether no host has the source; the original knows only 0.0.0.0. */
  #isForged(segment: Segment): boolean {
    if (this.#finder === undefined) {
      return segment.source3 === 0 && isUnspecified(segment);
    }
    if (!isImpossibleSource(segment)) return false;
    this.#counters.impossible++;
    return true;
  }

  /** What our hosts do is an outcome; in files, what anybody does. */
  #lookAtSent(finder: ScanFinder, segment: Segment): void {
    const ownership = this.#ownership;
    if (ownership.comesFromUs(segment)) {
      if (!ownership.isIgnoredPeer(segment)) finder.sent.segment(segment);
    } else if (ownership.isAnybodys(segment)) finder.sent.overheard(segment);
  }

  /** Whether no scan is looked for in an incoming segment. */
  #isPassedOver(segment: Segment): boolean {
    if (this.#ownership.isIgnored(segment)) return true;
    if (this.#ownership.isWanted(segment)) return false;
    this.#counters.notLocal++;
    return true;
  }

  /** Does what time has decided. */
  #catchUp(time: number): void {
    const finder = this.#finder;
    if (finder !== undefined && time >= finder.deadline) finder.settle(time);
    const outgoing = this.#outgoing;
    if (outgoing !== undefined && time >= outgoing.deadline) {
      outgoing.settle(time);
    }
    const fleet = this.#fleet;
    if (fleet !== undefined && time >= fleet.deadline) fleet.settle(time);
  }

  /** Tells the time; returns after how many milliseconds to tell it again. */
  advance(time: number): number {
    this.#catchUp(time);
    const deadline = Math.min(
      this.#finder?.deadline ?? Infinity,
      this.#outgoing?.deadline ?? Infinity,
      this.#fleet?.deadline ?? Infinity,
    );
    return Math.max(0, deadline - time);
  }

  /** Tells what is left when no more packets come. */
  finish(): void {
    this.#finder?.finish();
    this.#outgoing?.finish();
    this.#fleet?.finish();
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
