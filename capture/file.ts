/**
 * Capture files, read from disk or from standard input, gzip included.
 *
 * @module
 */

import type { PacketHandler } from "../detect/packet.ts";
import type { Capture, CaptureStatistics, Tick } from "./capture.ts";
import { GzipError, Unpacker } from "./gzip.ts";
import { CaptureFileError, SavefileReader } from "./savefile.ts";

/** Small enough for the processor's cache, large enough for few reads. */
const CHUNK_SIZE = 1 << 18;
/** Smaller: a packed chunk can become a thousand times as long. */
const PACKED_CHUNK_SIZE = 1 << 14;
/** After so many chunks of a file, signals get their turn. */
const CHUNKS_IN_A_ROW = 64;
/** RFC 1952, 2.3.1. */
const GZIP_MAGIC = [0x1f, 0x8b];

/** What a read gives once the capture is stopped: no number of bytes. */
const STOPPED = -1;
/** What it gives when the time is to be told meanwhile. */
const WAITED = -2;
/**
 * So far does the time stay behind that is told while a pipe brings nothing. Who
 * writes the pipe may hold back packets in a buffer (tcpdump without -U, ssh,
 * zcat), and the answers that are still there must not be taken for missing.
 */
const WRITERS_BUFFER_MS = 5000;
/** The longest that a timer waits. */
const LONGEST_WAIT_MS = 0x7fff_ffff;

/** Decides which packets are handed on. */
export type PacketFilter = (
  packet: Parameters<PacketHandler>[0],
) => boolean;

/** Reads packets from a capture file. */
export class FileCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[] = [];
  /** The file's size in bytes; undefined for a pipe. */
  readonly size: number | undefined;
  /** Bytes read so far. */
  bytesRead = 0;
  readonly #file: Pick<Deno.FsFile, "read" | "readSync" | "close">;
  /** A pipe can keep a reader waiting; a file cannot. */
  readonly #isPipe: boolean;
  readonly #filter: PacketFilter | undefined;
  readonly #stopped = Promise.withResolvers<typeof STOPPED>();
  /** Told the time while a pipe brings nothing. */
  #tick: Tick | undefined;
  /** The last packet's time, and when it was handed on. */
  #lastTime = 0;
  #lastRead = 0;
  #isStopped = false;
  #chunksRead = 0;
  #received = 0;

  /**
   * @param path The file, or "-" for standard input.
   * @param filter Which packets to hand on; all if left out.
   * @throws {Error} If the file cannot be opened.
   */
  constructor(path: string, filter?: PacketFilter) {
    this.description = path === "-" ? "standard input" : path;
    const file = path === "-" ? Deno.stdin : openFile(path);
    this.#file = file;
    const info = file instanceof Deno.FsFile ? file.statSync() : undefined;
    this.#isPipe = info === undefined || !info.isFile;
    this.size = this.#isPipe ? undefined : info?.size;
    this.#filter = filter;
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    this.#tick = tick;
    const filter = this.#filter;
    const reader = new SavefileReader((packet) => {
      this.#lastTime = packet.time;
      if (filter !== undefined && !filter(packet)) return;
      this.#received++;
      handler(packet);
    });
    try {
      for await (const chunk of this.#chunks()) reader.push(chunk);
      reader.end();
    } catch (error) {
      if (error instanceof Stopped) return;
      if (!(error instanceof CaptureFileError)) throw error;
      throw new Error(
        `${this.description}: ${error.message}, at byte ${error.offset}`,
      );
    }
  }

  /** The file's chunks, each good until the next is asked for. */
  async *#chunks(): AsyncGenerator<Uint8Array> {
    const chunk = new Uint8Array(CHUNK_SIZE);
    // A pipe may bring the two bytes one by one.
    let length = 0;
    while (length < GZIP_MAGIC.length) {
      const more = await this.#read(chunk.subarray(length));
      if (more === null) break;
      length += more;
    }
    const start = chunk.subarray(0, length);
    if (GZIP_MAGIC.every((byte, i) => start[i] === byte)) {
      return yield* this.#unpack(start);
    }
    if (length > 0) yield start;
    for (let n; (n = await this.#read(chunk)) !== null;) {
      yield chunk.subarray(0, n);
    }
  }

  /** Offsets in messages are then those of the unpacked file. */
  async *#unpack(
    start: Uint8Array<ArrayBuffer>,
  ): AsyncGenerator<Uint8Array> {
    const unpacker = new Unpacker();
    try {
      yield* unpacker.push(start);
      const chunk = new Uint8Array(PACKED_CHUNK_SIZE);
      for (let n; (n = await this.#read(chunk)) !== null;) {
        yield* unpacker.push(chunk.subarray(0, n));
      }
      yield* unpacker.end();
    } catch (error) {
      if (!(error instanceof GzipError)) throw error;
      throw new Error(
        `${this.description}: the gzip data is damaged or cut off: ${error.message}`,
      );
    } finally {
      unpacker.close();
    }
  }

  async #read(chunk: Uint8Array): Promise<number | null> {
    const length = await this.#readSome(chunk);
    this.bytesRead += length ?? 0;
    return length;
  }

  #readSome(chunk: Uint8Array): Promise<number | null> | number | null {
    if (this.#isPipe) return this.#readPipe(chunk);
    const isTurn = ++this.#chunksRead % CHUNKS_IN_A_ROW === 0;
    return isTurn ? this.#readInTurn(chunk) : this.#file.readSync(chunk);
  }

  /** Waiting for the bytes must not keep from being stopped. */
  async #readPipe(chunk: Uint8Array): Promise<number | null> {
    const read = this.#file.read(chunk);
    this.#lastRead = performance.now();
    for (;;) {
      using timer = new Timer(this.#tellTime());
      const length = await Promise.race([
        read,
        this.#stopped.promise,
        timer.promise,
      ]);
      if (length === STOPPED) throw new Stopped();
      if (length !== WAITED) return length;
    }
  }

  /**
   * Time goes on where the last packet was, but for a writer's buffer; returns how
   * long to wait at most.
   */
  #tellTime(): number {
    if (this.#tick === undefined || this.#received === 0) return Infinity;
    const waited = performance.now() - this.#lastRead;
    return this.#tick(this.#lastTime + waited - WRITERS_BUFFER_MS);
  }

  async #readInTurn(chunk: Uint8Array): Promise<number | null> {
    await new Promise((done) => setTimeout(done));
    if (this.#isStopped) throw new Stopped();
    return this.#file.readSync(chunk);
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve(STOPPED);
  }

  statistics(): CaptureStatistics {
    return { received: this.#received, dropped: 0 };
  }

  close(): void {
    this.#file.close();
  }
}

/** A time to wait, which can be given up. */
class Timer implements Disposable {
  readonly promise: Promise<typeof WAITED>;
  #id: ReturnType<typeof setTimeout> | undefined;

  /** @param time In milliseconds; Infinity: for ever. */
  constructor(time: number) {
    const { promise, resolve } = Promise.withResolvers<typeof WAITED>();
    this.promise = promise;
    if (time === Infinity) return;
    const wait = Math.min(Math.ceil(time) + 1, LONGEST_WAIT_MS);
    this.#id = setTimeout(() => resolve(WAITED), wait);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#id);
  }
}

/** Ends reading where it stands. */
class Stopped extends Error {}

function openFile(path: string): Deno.FsFile {
  try {
    const file = Deno.openSync(path);
    if (!file.statSync().isDirectory) return file;
    file.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`--read: there is no file "${path}"`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`--read: cannot open "${path}": ${reason}`);
  }
  throw new Error(`--read: "${path}" is a directory, a file is needed`);
}
