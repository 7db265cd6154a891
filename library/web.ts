/**
 * What a search needs of a platform, by the web's own interfaces (WHATWG Streams,
 * Compression, HTML timers, High Resolution Time): in browsers, Deno and Node
 * alike.
 *
 * @module
 */

import type { Counters } from "../detect/counters.ts";
import type { Report } from "../detect/report/report.ts";
import { describeSource } from "./chunks.ts";
import type { Clock } from "./clock.ts";
import {
  findScans,
  type ScanSearch,
  type SearchOptions,
} from "./find_scans.ts";

export type { Clock, Counters, Report, SearchOptions };

/** How a gzip member begins (RFC 1952, 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/**
 * The platform's clock: `performance.now()` and `setTimeout()`.
 *
 * @example A pipe that may fall silent, such as the output of `tcpdump --immediate-mode -U -w -`
 * ```ts
 * import { findScans } from "@scanlogd/scanlogd";
 * import { systemClock } from "@scanlogd/scanlogd/web";
 * import { assert } from "@std/assert";
 *
 * const pipe = new TransformStream<Uint8Array, Uint8Array>();
 * const scans = findScans(pipe.readable, {
 *   live: systemClock,
 *   signal: AbortSignal.timeout(10),
 * });
 * let reason;
 * try {
 *   for await (const _report of scans); // each as soon as it is due
 * } catch (error) {
 *   reason = error;
 * }
 * assert(reason instanceof DOMException);
 * ```
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(callback, milliseconds) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/**
 * Unpacks a stream if it is packed with gzip (RFC 1952), and passes any other on
 * as it is.
 *
 * @returns The bytes. Reading them fails with a TypeError if the packed data is
 * damaged, or if anything follows it.
 * @throws {TypeError} If the source is no stream.
 *
 * @example
 * ```ts
 * import { gunzip } from "@scanlogd/scanlogd/web";
 * import { assertEquals } from "@std/assert";
 *
 * const text = (stream: ReadableStream<Uint8Array>) =>
 *   new Response(gunzip(stream) as BodyInit).text();
 * const plain = () => new Blob(["as it is"]).stream();
 * const packed = plain().pipeThrough(new CompressionStream("gzip"));
 * assertEquals(await text(packed), "as it is");
 * assertEquals(await text(plain()), "as it is");
 * ```
 */
export function gunzip(
  source: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  if (typeof source?.getReader !== "function") {
    throw new TypeError(
      `Cannot unpack the source: it must be a ReadableStream, got ${
        describeSource(source)
      }`,
    );
  }
  const reader = source.getReader();
  let unpacked: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        unpacked ??= (await unpackIfPacked(reader)).getReader();
        const { done, value } = await unpacked.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw explain(error);
      }
    },
    async cancel(reason) {
      // First what is packed: it ends a read that is pending, wherever it is.
      const closed = reader.cancel(reason);
      await Promise.allSettled([unpacked?.cancel(reason)]);
      await closed;
    },
  }, { highWaterMark: 0 });
}

/** What the source has thrown, on its way through the unpacker. */
class SourceFailure extends Error {}

/** The platforms' errors name functions of theirs, and nothing to be done. */
function explain(error: unknown): unknown {
  if (error instanceof SourceFailure) return error.cause;
  return new TypeError(
    `Cannot unpack gzip: it is damaged or cut off, or something follows it, such as a second file packed by itself: ${
      (error as Error).message
    }`,
    { cause: error },
  );
}

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new SourceFailure("reading failed", { cause });
  }
}

async function unpackIfPacked(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  const first: Uint8Array[] = [];
  let isAtEnd = false;
  while (!isAtEnd && sizeOf(first) < GZIP_MAGIC.length) {
    const { done, value } = await read(reader);
    if (done) isAtEnd = true;
    else first.push(value);
  }
  const whole = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = first.shift();
      if (chunk !== undefined) return controller.enqueue(chunk);
      const { done, value } = await read(reader);
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  if (!beginsPacked(first)) return whole;
  return whole.pipeThrough(
    new DecompressionStream("gzip") as ReadableWritablePair<
      Uint8Array,
      Uint8Array
    >,
  );
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function beginsPacked(chunks: readonly Uint8Array[]): boolean {
  const bytes = chunks.flatMap((chunk) => [...chunk.subarray(0, 2)]);
  return GZIP_MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * A search as a pair of streams, for `pipeThrough()`: the bytes of a capture in,
 * reports out.
 *
 * @example
 * ```ts
 * import { ScanStream } from "@scanlogd/scanlogd/web";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const scans = new ScanStream({ minPorts: 5 });
 * const source = new Blob(["no capture file"]).stream();
 * const reader = source.pipeThrough(scans).getReader();
 * await assertRejects(() => reader.read(), Error, "not a capture file");
 * assertEquals(scans.counters.packets, 0);
 * ```
 */
export class ScanStream implements ReadableWritablePair<Report, Uint8Array> {
  /** Takes the capture. It fails once reading it has failed. */
  readonly writable: WritableStream<Uint8Array>;
  /** Gives the reports; it fails as iterating over a search would throw. */
  readonly readable: ReadableStream<Report>;
  readonly #search: ScanSearch;

  /**
   * Makes the streams.
   *
   * @param options As for `findScans`, but for the signal: `pipeThrough()` takes
   * one.
   * @throws {TypeError} If there is no such option, or it is of another type.
   * @throws {RangeError} If an option is outside its range.
   * @throws {SyntaxError} If a text is no network.
   */
  constructor(options: Omit<SearchOptions, "signal"> = {}) {
    if ("signal" in Object(options)) {
      throw new TypeError(
        "Cannot set signal: give it to pipeThrough() instead",
      );
    }
    const bytes = new TransformStream<Uint8Array, Uint8Array>();
    const stop = new AbortController();
    // What is no object has nothing to spread, and is refused as it is.
    const isObject = typeof options === "object" && options !== null;
    const search = findScans(
      bytes.readable,
      isObject ? { ...options, signal: stop.signal } : options,
    );
    this.#search = search;
    this.writable = bytes.writable;
    this.readable = new ReadableStream<Report>({
      async pull(controller) {
        const { done, value } = await search.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        stop.abort(reason);
        // The search takes note of it when it is asked, and closes its source.
        await drain(search);
      },
    }, { highWaterMark: 0 });
  }

  /** What has been counted so far. */
  get counters(): Counters {
    return this.#search.counters;
  }
}

async function drain(search: ScanSearch): Promise<void> {
  let isDone = false;
  while (!isDone) {
    try {
      isDone = (await search.next()).done ?? false;
    } catch {
      isDone = true;
    }
  }
}
