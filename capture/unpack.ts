/**
 * Unpacks gzip (RFC 1952) and zstd (RFC 8878) chunk by chunk. A file may consist
 * of several members or frames, as those do that were joined or packed in
 * parallel; the web's DecompressionStream refuses them.
 *
 * Loading this takes 10 MB of memory: do so only to read files.
 *
 * @module
 */

import {
  createGunzip,
  createZstdDecompress,
  type Gunzip,
  type ZstdDecompress,
} from "node:zlib";
import { ZstdError, ZstdFrames } from "./zstd_frames.ts";

/** The packed data is damaged or cut off. */
export class PackedDataError extends Error {}

/** Unpacks; what comes before damage is handed out before the damage is told. */
export interface Unpacker {
  /**
   * Unpacks a chunk, which may be reused afterwards.
   *
   * @throws {PackedDataError} If it is damaged.
   */
  push(chunk: Uint8Array): AsyncGenerator<Uint8Array>;
  /**
   * Unpacks what is left.
   *
   * @throws {PackedDataError} If the data ends before its end.
   */
  end(): AsyncGenerator<Uint8Array>;
  /** Frees what it holds. */
  close(): void;
}

/** An unpacker of the runtime's, and what came out of it. */
class Engine {
  readonly #stream: Gunzip | ZstdDecompress;
  readonly #unpacked: Uint8Array[] = [];
  /** Resolved by a failure, behind which no other event may come. */
  readonly #failed = Promise.withResolvers<void>();
  #failure: Error | undefined;

  constructor(stream: Gunzip | ZstdDecompress) {
    this.#stream = stream;
    stream.on("data", (chunk: Uint8Array) => this.#unpacked.push(chunk));
    stream.on("error", (error: Error) => {
      this.#failure = error;
      this.#failed.resolve();
    });
  }

  async *push(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    const written = new Promise<void>((done) =>
      this.#stream.write(chunk.slice(), () => done())
    );
    await Promise.race([written, this.#failed.promise]);
    yield* this.#handOut();
  }

  async *end(): AsyncGenerator<Uint8Array> {
    const closed = new Promise<void>((done) => {
      this.#stream.once("close", done);
      this.#stream.end();
    });
    await Promise.race([closed, this.#failed.promise]);
    yield* this.#handOut();
  }

  *#handOut(): Generator<Uint8Array> {
    yield* this.#unpacked.splice(0);
    if (this.#failure === undefined) return;
    throw new PackedDataError(this.#failure.message, { cause: this.#failure });
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** Unpacks gzip. */
export class GzipUnpacker extends Engine implements Unpacker {
  constructor() {
    super(createGunzip());
  }
}

/**
 * Unpacks zstd: each frame with an engine of its own. It gets block by block,
 * since the runtime tells nobody of damage that it finds once what came out of a
 * piece has filled a buffer: the program would end.
 */
export class ZstdUnpacker implements Unpacker {
  readonly #frames = new ZstdFrames();
  #engine: Engine | undefined;

  async *push(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < chunk.length;) {
      const rest = chunk.subarray(at);
      const taken = this.#take(rest);
      this.#engine ??= new Engine(createZstdDecompress());
      yield* this.#engine.push(rest.subarray(0, taken));
      if (this.#frames.isBetween) yield* this.#endFrame();
      at += taken;
    }
  }

  #take(bytes: Uint8Array): number {
    try {
      return this.#frames.take(bytes);
    } catch (error) {
      if (!(error instanceof ZstdError)) throw error;
      throw new PackedDataError(error.message, { cause: error });
    }
  }

  async *#endFrame(): AsyncGenerator<Uint8Array> {
    const engine = this.#engine;
    this.#engine = undefined;
    if (engine === undefined) return;
    try {
      yield* engine.end();
    } finally {
      engine.close();
    }
  }

  async *end(): AsyncGenerator<Uint8Array> {
    yield* this.#endFrame();
    if (this.#frames.isBetween) return;
    throw new PackedDataError("it ends inside of a frame");
  }

  close(): void {
    this.#engine?.close();
  }
}
