/**
 * The detector: packets in, reports out. A packet's path:
 *
 * 1. `intake.ts`: link.ts finds the network header, headers.ts decodes it and
 *    the transport header in place into one segment that is used again and
 *    again. Fragments go through fragments.ts.
 * 2. `dispatch.ts`: what our hosts sent is an outcome (finder/sent.ts); what is
 *    not for them, or of a source to be ignored (ownership.ts), ends here.
 * 3. `finder/received.ts` says by probe.ts whether it is a probe, and
 *    `finder/recorder.ts` adds its target to the record of its source.
 * 4. A record that may make a scan is judged after a grace (finder/judge.ts): the
 *    rules ask about its targets, and reporter.ts tells what they find.
 *
 * With `classic` classic_finder.ts decides instead, by a table of its own.
 *
 * What holds on this path up to a report, whatever comes in: nothing is
 * allocated, nothing throws, nothing calls C, and the work is bounded, as is
 * every table: headers by their number, a bucket by its ways, a list of ports by
 * the scan that it makes. A step that nothing asked for is a test of one field.
 *
 * @module
 */

import { Counters } from "./counters.ts";
import { Dispatcher } from "./dispatch.ts";
import { secretNumbers } from "./hash.ts";
import { Intake } from "./intake.ts";
import type { DetectorOptions } from "./options.ts";
import { PacketKinds } from "./packet/kinds.ts";
import type { Packet } from "./packet/packet.ts";
import type { Segment } from "./packet/segment.ts";
import { Ownership } from "./probe/ownership.ts";
import { checkNames, readOptions } from "./read_options.ts";
import type { ReportHandler } from "./report/report.ts";
import {
  checkKnob,
  describe,
  type FloodLimits,
  resolveSettings,
  type Settings,
} from "./settings.ts";

/**
 * Finds port scans among the packets it is given.
 *
 * @example
 * ```ts
 * import { Detector, formatReport, Segment } from "@scanlogd/scanlogd";
 * import { TCP_SYN } from "@scanlogd/scanlogd/packet";
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
  /** Of {@linkcode Counters.otherProtocols}, what no rule has a name for. */
  readonly kinds: PacketKinds = new PacketKinds();
  readonly #settings: Settings;
  readonly #intake: Intake;
  readonly #dispatcher: Dispatcher;

  /**
   * Makes a detector and allocates all its memory.
   *
   * @param report Called with each report, while a packet is being looked at.
   * @param given What differs from the defaults.
   * @throws {RangeError} If an option is outside its range.
   * @throws {TypeError} If an option is unknown, or of another type, or there is
   * nothing to call.
   * @throws {SyntaxError} If a text is no network.
   */
  constructor(report: ReportHandler, given: DetectorOptions = {}) {
    if (typeof report !== "function") {
      throw new TypeError(
        `Cannot make a detector: what takes its reports must be a function, got ${
          describe(report)
        }`,
      );
    }
    const read = readOptions(given);
    const settings = resolveSettings(read);
    const random = read.random ?? secretNumbers();
    const options = { ...read, settings, random };
    const { counters, kinds } = this;
    const ownership = new Ownership(options);
    this.#settings = settings;
    this.#dispatcher = new Dispatcher(options, ownership, report, counters);
    const handler = this.#dispatcher;
    this.#intake = new Intake(options, { handler, ownership, counters, kinds });
  }

  /**
   * Changes the flood limit from the next scan on; what is remembered stays.
   * Sets of addresses and rules that were handed over are changed by themselves.
   *
   * @throws {RangeError} If a number is outside its range; nothing was changed.
   * @throws {TypeError} If there is no such limit, or it is no number; likewise.
   *
   * @example
   * ```ts
   * import { Detector } from "@scanlogd/scanlogd";
   * import { assertThrows } from "@std/assert";
   *
   * const detector = new Detector(() => {}, { logBurst: 5 });
   * detector.reconfigure({ logBurst: 0 }); // no limit
   * assertThrows(() => detector.reconfigure({ logDelay: -1 }), RangeError);
   * ```
   */
  reconfigure(limits: Partial<FloodLimits>): void {
    checkNames(limits, ["logBurst", "logDelay"]);
    const { logBurst, logDelay } = limits;
    const settings = this.#settings;
    const burst = checkKnob("logBurst", logBurst ?? settings.logBurst);
    const delay = checkKnob("logDelay", logDelay ?? settings.logDelay);
    settings.logBurst = burst;
    settings.logDelay = delay;
  }

  /** The memory of all tables in bytes; it is allocated at once and stays. */
  get byteLength(): number {
    return this.#intake.byteLength + this.#dispatcher.byteLength;
  }

  /** Sources remembered at the moment, outdated ones included. */
  get sources(): number {
    return this.#dispatcher.sources;
  }

  /**
   * Hosts that probe records are read of at the moment, about; without such
   * records, none.
   */
  get hosts(): number {
    return this.#dispatcher.hosts;
  }

  /** Sources and datagrams forgotten early because their table was full. */
  get evicted(): number {
    return this.#intake.evicted + this.#dispatcher.evicted;
  }

  /**
   * Looks at a packet. The packet and its bytes may be reused afterwards.
   * Whatever the bytes are, it does not throw.
   *
   * @example
   * ```ts
   * import { Detector, Packet } from "@scanlogd/scanlogd";
   * import { LINKTYPE_RAW } from "@scanlogd/scanlogd/packet";
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
    this.#intake.packet(packet);
  }

  /** Looks at a decoded segment, which may be reused afterwards. */
  segment(segment: Segment): void {
    this.#dispatcher.segment(segment);
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
    return this.#dispatcher.advance(time);
  }

  /**
   * Reports what is left when no more packets come: scans that wait for the
   * host's answers, and the ends of scans.
   */
  finish(): void {
    this.#dispatcher.finish();
  }
}
