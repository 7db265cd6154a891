/**
 * Capture files, read from disk or from standard input, packed ones included.
 *
 * @module
 */

import { PacketKinds } from "../detect/packet/kinds.ts";
import type { PacketHandler } from "../detect/packet/packet.ts";
import type {
  Capture,
  CaptureStatistics,
  ProbeLosses,
  Tick,
} from "./capture.ts";
import { beginsSkippable } from "./zstd_frames.ts";
import { LATENESS_MS } from "./savefile/probe_records.ts";
import {
  CaptureFileError,
  type SavefileOptions,
  SavefileReader,
} from "./savefile/savefile.ts";

/** Small enough for the processor's cache, large enough for few reads. */
const CHUNK_SIZE = 1 << 18;
/** Smaller: a packed chunk can become a thousand times as long. */
const PACKED_CHUNK_SIZE = 1 << 14;
/** After so many chunks of a file, signals get their turn. */
const CHUNKS_IN_A_ROW = 64;
/** How packed files begin: RFC 1952, 2.3.1; RFC 8878, 3.1.1. */
const PACKED = {
  gzip: [0x1f, 0x8b],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
} as const;
const LONGEST_MAGIC = 4;

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

/** The file is empty: no capture is, but a host that was not probed writes none. */
export class EmptyFileError extends Error {}

/** Reads packets from a capture file. */
export class FileCapture implements Capture {
  readonly description: string;
  readonly descriptors: readonly number[] = [];
  /** The file, "-" for standard input. */
  readonly paths: readonly string[];
  /** The file's size in bytes; undefined for a pipe. */
  readonly size: number | undefined;
  /** Bytes read so far. */
  bytesRead = 0;
  /** Packets of interfaces whose link type is not supported, by kind. */
  skipped: PacketKinds = new PacketKinds();
  readonly #file: Deno.FsFile | typeof Deno.stdin;
  /** A pipe can keep a reader waiting; a file cannot. */
  readonly #isPipe: boolean;
  readonly #filter: PacketFilter | undefined;
  readonly #options: SavefileOptions;
  #reader: SavefileReader | undefined;
  readonly #stopped = Promise.withResolvers<typeof STOPPED>();
  /** Told the time while a pipe brings nothing. */
  #tick: Tick | undefined;
  /** The last packet's time. */
  #lastTime = 0;
  /** For how long a pipe has brought nothing since, in milliseconds. */
  #silence = 0;
  #isStopped = false;
  #chunksRead = 0;
  #received = 0;

  /**
   * @param path The file, or "-" for standard input.
   * @param filter Which packets to hand on; all if left out.
   * @param options How it is read.
   * @param opened The file, if it is open already.
   * @throws {Error} If the file cannot be opened.
   */
  constructor(
    path: string,
    filter?: PacketFilter,
    options: SavefileOptions = {},
    opened?: Deno.FsFile,
  ) {
    this.description = path === "-" ? "standard input" : path;
    this.paths = [path];
    const file = path === "-" ? Deno.stdin : opened ?? openFile(path);
    this.#file = file;
    const info = file instanceof Deno.FsFile ? file.statSync() : undefined;
    this.#isPipe = info === undefined || !info.isFile;
    this.size = this.#isPipe ? undefined : info?.size;
    this.#filter = filter;
    this.#options = options;
  }

  /** Of probe records: lines that are none, and records that came too late. */
  get probeLosses(): ProbeLosses {
    const { refused = 0, late = 0 } = this.#reader ?? {};
    return { refused, late };
  }

  /** Whether the file is one of probe records, as far as is known. */
  get readsProbes(): boolean {
    return this.#reader?.readsProbes ?? false;
  }

  async run(handler: PacketHandler, tick?: Tick): Promise<void> {
    const steps = this.steps(handler, tick);
    while (!(await steps.next()).done);
  }

  /**
   * The same in steps: hands on the packets of a chunk at each. A step that is
   * the last may hand on packets too.
   *
   * @param chunkSize How much of the file to read at once, in bytes.
   * @throws {Error} As {@linkcode FileCapture.run} does.
   */
  async *steps(
    handler: PacketHandler,
    tick?: Tick,
    chunkSize: number = CHUNK_SIZE,
  ): AsyncGenerator<void, void, void> {
    this.#tick = tick;
    const filter = this.#filter;
    const reader = new SavefileReader((packet) => {
      this.#lastTime = packet.time;
      this.#silence = 0;
      if (filter !== undefined && !filter(packet)) return;
      this.#received++;
      handler(packet);
    }, this.#options);
    this.#reader = reader;
    this.skipped = reader.skipped;
    try {
      for await (const chunk of this.#chunks(chunkSize)) {
        reader.push(chunk);
        yield;
      }
      reader.end();
    } catch (error) {
      if (error instanceof Stopped) return reader.stop();
      if (!(error instanceof CaptureFileError)) throw error;
      if (this.bytesRead === 0) {
        throw new EmptyFileError(
          `${this.description}: the file is empty: nothing was captured, or not yet`,
        );
      }
      throw new Error(
        `${this.description}: ${error.message}, at byte ${error.offset}`,
      );
    }
  }

  /** The file's chunks, each good until the next is asked for. */
  async *#chunks(chunkSize: number): AsyncGenerator<Uint8Array> {
    const chunk = new Uint8Array(chunkSize);
    // A pipe may bring the bytes one by one.
    let length = 0;
    while (length < LONGEST_MAGIC) {
      const more = await this.#read(chunk.subarray(length));
      if (more === null) break;
      length += more;
    }
    const start = chunk.subarray(0, length);
    const packing = packingOf(start);
    if (packing !== undefined) {
      return yield* this.#unpack(
        packing,
        start,
        Math.min(chunkSize, PACKED_CHUNK_SIZE),
      );
    }
    if (length > 0) yield start;
    for (let n; (n = await this.#read(chunk)) !== null;) {
      yield chunk.subarray(0, n);
    }
  }

  /** Offsets in messages are then those of the unpacked file. */
  async *#unpack(
    packing: keyof typeof PACKED,
    start: Uint8Array<ArrayBuffer>,
    chunkSize: number,
  ): AsyncGenerator<Uint8Array> {
    const { GzipUnpacker, PackedDataError, ZstdUnpacker } = await import(
      "./unpack.ts"
    );
    const unpacker = packing === "gzip"
      ? new GzipUnpacker()
      : new ZstdUnpacker();
    try {
      yield* unpacker.push(start);
      const chunk = new Uint8Array(chunkSize);
      for (let n; (n = await this.#read(chunk)) !== null;) {
        yield* unpacker.push(chunk.subarray(0, n));
      }
      yield* unpacker.end();
    } catch (error) {
      if (!(error instanceof PackedDataError)) throw error;
      throw new Error(
        `${this.description}: the ${packing} data is damaged or cut off: ${error.message}`,
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
    const began = performance.now();
    for (;;) {
      using timer = new Timer(this.#tellTime(performance.now() - began));
      const length = await Promise.race([
        read,
        this.#stopped.promise,
        timer.promise,
      ]);
      if (length === STOPPED) throw new Stopped();
      if (length === WAITED) continue;
      // It may be less than a packet.
      this.#silence += performance.now() - began;
      return length;
    }
  }

  /**
   * Time goes on where the last packet was, but for a writer's buffer; returns how
   * long to wait at most.
   *
   * @param waited For how long nothing has been read.
   */
  #tellTime(waited: number): number {
    const next = this.#reader?.idle(waited) ?? Infinity;
    if (this.#tick === undefined || this.#received === 0) return next;
    const { lateness = LATENESS_MS } = this.#options;
    const lag = Math.max(WRITERS_BUFFER_MS, this.readsProbes ? lateness : 0);
    const time = this.#lastTime + this.#silence + waited - lag;
    return Math.min(next, this.#tick(time));
  }

  async #readInTurn(chunk: Uint8Array): Promise<number | null> {
    await new Promise((done) => setTimeout(done));
    if (this.#isStopped) throw new Stopped();
    return this.#file.readSync(chunk);
  }

  /** Whether the file is packed; of a pipe, that is not known before it is read. */
  get mayBePacked(): boolean {
    if (!(this.#file instanceof Deno.FsFile) || this.#isPipe) return true;
    const start = new Uint8Array(LONGEST_MAGIC);
    const length = this.#file.readSync(start) ?? 0;
    this.#file.seekSync(0, Deno.SeekMode.Start);
    return packingOf(start.subarray(0, length)) !== undefined;
  }

  /** Begins again; returns whether that can be: a pipe cannot. */
  rewind(): boolean {
    if (!(this.#file instanceof Deno.FsFile) || this.#isPipe) return false;
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.bytesRead = 0;
    this.#received = 0;
    return true;
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

/**
 * Loads what unpacks files: it takes as long as half of all other code. Once
 * privileges are given up, nothing can be loaded any more.
 */
export async function loadUnpackers(): Promise<void> {
  await import("./unpack.ts");
}

function packingOf(start: Uint8Array): keyof typeof PACKED | undefined {
  for (const packing of ["gzip", "zstd"] as const) {
    const isIt = PACKED[packing].every((byte, i) => start[i] === byte);
    if (isIt) return packing;
  }
  return beginsSkippable(start) ? "zstd" : undefined;
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (error) {
    throw unopenable(path, error);
  }
}

/** Says why a file cannot be opened. */
export function unopenable(path: string, cause: unknown): Error {
  if (cause instanceof Deno.errors.NotFound) {
    return new Error(`--read: there is no file "${path}"; name another one`);
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`--read: cannot open "${path}": ${reason}`, { cause });
}
