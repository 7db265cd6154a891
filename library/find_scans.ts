/**
 * The scans in a capture, as they are found: reader, detector and time in one.
 *
 * @module
 */

import {
  CLASSIC_STEP_MS,
  SMALL_STEP_MS,
} from "../capture/savefile/file_clock.ts";
import { SavefileReader } from "../capture/savefile/savefile.ts";
import type { Counters } from "../detect/counters.ts";
import { Detector } from "../detect/detector.ts";
import type { DetectorOptions } from "../detect/options.ts";
import type { PacketKinds } from "../detect/packet/kinds.ts";
import { checkNames, OPTION_NAMES } from "../detect/read_options.ts";
import type { Report } from "../detect/report/report.ts";
import { type ByteSource, type Chunks, openChunks } from "./chunks.ts";
import { type Clock, Pending, type StopSignal, Waiter } from "./clock.ts";

/** Options of a search: those of the detector, and how to wait. */
export interface SearchOptions extends DetectorOptions {
  /**
   * The source is live [it is not]: a scan is reported when it is due by this
   * clock, even if no further packet comes. Only while the source has nothing to
   * give time passes, so that a slow reader decides nothing.
   */
  live?: Clock;
  /**
   * Ends the search early, as an `AbortSignal` does: what is pending is reported,
   * and then the signal's reason is thrown.
   */
  signal?: StopSignal;
}

/** So much is read at once: what is found comes soon, and a signal is heard. */
const PIECE_BYTES = 1 << 16;

const SEARCH_OPTION_NAMES = [...OPTION_NAMES, "live", "signal"];

/**
 * A search for scans: its reports to iterate over, and what it has counted.
 * {@linkcode findScans} makes one.
 *
 * @example What came of it, after the end as well
 * ```ts
 * import { findScans } from "@scanlogd/scanlogd";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const file = Deno.readFileSync("tests/data/captures/raw-ipv4.pcap");
 * const scans = findScans(file.subarray(0, -1)); // its last packet is cut off
 * try {
 *   for await (const _report of scans);
 * } catch (error) {
 *   assert(error === scans.error);
 * }
 * assertEquals(scans.counters.packets, 6);
 * assertEquals(scans.skipped.commonest(), undefined);
 * ```
 */
export class ScanSearch implements AsyncGenerator<Report, void, void> {
  readonly #detector: Detector;
  readonly #reader: SavefileReader;
  readonly #reports: Report[] = [];
  readonly #live: Clock | undefined;
  readonly #generator: AsyncGenerator<Report, void, void>;
  /** On the packets' clock. */
  #lastPacket = -Infinity;
  /** How long the source has had nothing to give since, in milliseconds. */
  #silence = 0;
  #error: unknown;

  /** Checks everything, and reads nothing yet; {@linkcode findScans}. */
  constructor(source: ByteSource, options: SearchOptions) {
    checkNames(options, SEARCH_OPTION_NAMES);
    const { live, signal, ...rest } = options;
    checkMethods("live", live, ["now", "schedule"]);
    checkMethods("signal", signal, ["addEventListener", "removeEventListener"]);
    this.#live = live;
    this.#detector = new Detector(
      (report) => this.#reports.push(report),
      { fromFile: true, ...rest },
    );
    this.#reader = new SavefileReader((packet) => {
      this.#lastPacket = packet.time;
      this.#silence = 0;
      this.#detector.packet(packet);
    }, { smallStep: rest.classic ? CLASSIC_STEP_MS : SMALL_STEP_MS });
    this.#generator = this.#search(openChunks(source), signal);
  }

  /** What has been counted so far. */
  get counters(): Counters {
    return this.#detector.counters;
  }

  /** Of {@linkcode Counters.otherProtocols}, what no rule has a name for. */
  get kinds(): PacketKinds {
    return this.#detector.kinds;
  }

  /** Packets passed over because their link type is not supported, by kind. */
  get skipped(): PacketKinds {
    return this.#reader.skipped;
  }

  /** Sources and datagrams forgotten early because their table was full. */
  get evicted(): number {
    return this.#detector.evicted;
  }

  /** What ended the search early, which was thrown too; undefined if nothing did. */
  get error(): unknown {
    return this.#error;
  }

  /** Gives the next report, as soon as there is one. */
  next(): Promise<IteratorResult<Report, void>> {
    return this.#generator.next();
  }

  /**
   * Ends the search once what was asked for last has come; what is pending is not
   * reported. A signal ends it at once.
   */
  return(): Promise<IteratorResult<Report, void>> {
    return this.#generator.return();
  }

  /** Ends the search by an error of the caller's. */
  throw(error: unknown): Promise<IteratorResult<Report, void>> {
    return this.#generator.throw(error);
  }

  /** The search itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** {@linkcode ScanSearch.return}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#generator.return();
  }

  async *#search(
    chunks: Chunks,
    signal: StopSignal | undefined,
  ): AsyncGenerator<Report, void, void> {
    let hasFailed = false;
    try {
      yield* this.#read(chunks, signal);
      this.#reader.end();
    } catch (error) {
      hasFailed = true;
      this.#error = error;
    }
    this.#detector.finish();
    yield* this.#reports.splice(0);
    if (hasFailed) throw this.#error;
  }

  /** Reads to the end. */
  async *#read(
    chunks: Chunks,
    signal: StopSignal | undefined,
  ): AsyncGenerator<Report, void, void> {
    const waiter = new Waiter(this.#live, signal);
    let pending: Pending<Uint8Array | undefined> | undefined;
    try {
      for (;;) {
        waiter.throwIfAborted();
        pending = new Pending(chunks.next());
        yield* this.#wait(waiter, pending);
        const chunk = pending.value;
        if (chunk === undefined) return;
        for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
          waiter.throwIfAborted();
          this.#reader.push(chunk.subarray(at, at + PIECE_BYTES));
          yield* this.#reports.splice(0);
        }
      }
    } finally {
      waiter.end();
      const closing = chunks.close(signal?.reason);
      // A source that still waits closes when it likes.
      if (pending?.isSettled) await closing;
      else closing.catch(() => {});
    }
  }

  /** Waits for a chunk, and reports what time decides meanwhile. */
  async *#wait(
    waiter: Waiter,
    pending: Pending<Uint8Array | undefined>,
  ): AsyncGenerator<Report, void, void> {
    const clock = this.#live;
    while (!pending.isSettled) {
      if (clock === undefined) {
        await waiter.wait(pending, Infinity);
        continue;
      }
      const next = this.#detector.advance(this.#lastPacket + this.#silence);
      const began = clock.now();
      yield* this.#reports.splice(0);
      // What came while a report was dealt with came nobody knows when.
      if (pending.isSettled) return;
      await waiter.wait(pending, next);
      this.#silence += elapsed(began, clock.now());
    }
  }
}

/** A clock that goes back, or says nonsense, has stood still. */
function elapsed(began: number, now: number): number {
  return now > began ? now - began : 0;
}

/** @throws {TypeError} If an option is given and lacks a method. */
function checkMethods(
  name: string,
  value: object | undefined,
  methods: readonly string[],
): void {
  if (value === undefined) return;
  for (const method of methods) {
    const isThere = typeof value === "object" && value !== null &&
      typeof (value as Record<string, unknown>)[method] === "function";
    if (isThere) continue;
    throw new TypeError(
      `Cannot set ${name}: it must be an object with the methods ${
        methods.join(" and ")
      }`,
    );
  }
}

/**
 * Finds the scans in a capture: a file, or what comes from a pipe.
 *
 * @param source Its bytes, pcap or pcapng; not packed (`gunzip` of the sub-path
 * `web` unpacks gzip).
 * @param options Options of the detector, and of waiting.
 * @returns The reports to iterate over, each as soon as it is found, and what was
 * counted. Iterating throws {@linkcode CaptureFileError} if the capture is
 * damaged, what the source has thrown, or the signal's reason; in each case after
 * what was found until then.
 * @throws {TypeError} If there is no such option, or it is of another type, or
 * the source is none.
 * @throws {RangeError} If an option is outside its range.
 * @throws {SyntaxError} If a text is no network.
 *
 * @example
 * ```ts
 * import { findScans } from "@scanlogd/scanlogd";
 * import { assertEquals, assertRejects, assertThrows } from "@std/assert";
 *
 * const file = new TextEncoder().encode("no capture file");
 * const scans = findScans(file, { ignore: "192.0.2.0/24", minPorts: 5 });
 * await assertRejects(() => scans.next(), Error, "not a capture file");
 * assertEquals(scans.counters.packets, 0);
 *
 * assertThrows(() => findScans(file, { minPorts: 1 }), RangeError, "minPorts");
 * ```
 */
export function findScans(
  source: ByteSource,
  options: SearchOptions = {},
): ScanSearch {
  return new ScanSearch(source, options);
}
