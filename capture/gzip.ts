/**
 * Unpacks gzip (RFC 1952) chunk by chunk. A file may consist of several
 * members, as those do that were joined or packed in parallel; the web's
 * DecompressionStream refuses them.
 *
 * @module
 */

import { createGunzip } from "node:zlib";

/** The packed data is damaged or cut off. */
export class GzipError extends Error {}

/** Unpacks; what comes before damage is handed out before the damage is told. */
export class Unpacker {
  readonly #gunzip = createGunzip();
  readonly #unpacked: Uint8Array[] = [];
  #failure: Error | undefined;

  constructor() {
    this.#gunzip.on("data", (chunk: Uint8Array) => this.#unpacked.push(chunk));
    this.#gunzip.on("error", (error: Error) => this.#failure = error);
  }

  /**
   * Unpacks a chunk, which may be reused afterwards.
   *
   * @throws {GzipError} If it is damaged.
   */
  async *push(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    await new Promise<void>((done) =>
      this.#gunzip.write(chunk.slice(), () => done())
    );
    yield* this.#handOut();
  }

  /**
   * Unpacks what is left.
   *
   * @throws {GzipError} If the data ends before its end.
   */
  async *end(): AsyncGenerator<Uint8Array> {
    await new Promise<void>((done) => {
      this.#gunzip.once("close", done);
      this.#gunzip.end();
    });
    yield* this.#handOut();
  }

  *#handOut(): Generator<Uint8Array> {
    yield* this.#unpacked.splice(0);
    if (this.#failure === undefined) return;
    throw new GzipError(this.#failure.message, { cause: this.#failure });
  }

  /** Frees what it holds. */
  close(): void {
    this.#gunzip.destroy();
  }
}
