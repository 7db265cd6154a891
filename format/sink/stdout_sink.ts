/**
 * Lines to standard output.
 *
 * @module
 */

import type { Sink } from "./sink.ts";

/** Bytes that may wait for a slow reader; what comes on top is lost. */
const MAX_WAITING = 1 << 20;
const LINE_FEED = 0x0a;

/**
 * Writes lines to standard output. While capturing, a slow reader must not hold
 * up anything, so lines wait in a bounded queue; a capture file can wait, so
 * there the lines of a chunk of it are written at once.
 */
export class StdoutSink implements Sink {
  readonly description = "standard output";
  lost = 0;
  /** Why nothing can be written any more. */
  failure: Error | undefined;
  readonly #encoder = new TextEncoder();
  readonly #isPatient: boolean;
  readonly #warn: (text: string) => void;
  readonly #onUnread: () => void;
  readonly #waiting: Uint8Array[] = [];
  /** Lines of the chunk that is being read. */
  #lines = "";
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  /**
   * @param isPatient Whether to wait for a slow reader.
   * @param warn Told when lines begin to be lost while capturing.
   * @param onUnread Called once nobody reads a file's lines any more.
   */
  constructor(
    isPatient: boolean,
    warn: (text: string) => void,
    onUnread: () => void = () => {},
  ) {
    this.#isPatient = isPatient;
    this.#warn = warn;
    this.#onUnread = onUnread;
  }

  write(line: string): void {
    if (this.failure !== undefined) this.lost++;
    else if (this.#isPatient) this.#collect(line);
    else this.#enqueue(line);
  }

  #collect(line: string): void {
    if (this.#lines === "") queueMicrotask(() => this.#writeLines());
    this.#lines += line + "\n";
  }

  #writeLines(): void {
    const bytes = this.#encoder.encode(this.#lines);
    this.#lines = "";
    let at = 0;
    try {
      while (at < bytes.length) at += Deno.stdout.writeSync(bytes.subarray(at));
    } catch (error) {
      this.failure = error as Error;
      this.lost += countLines(bytes.subarray(at));
      this.#onUnread();
    }
  }

  #enqueue(line: string): void {
    const bytes = this.#encoder.encode(line + "\n");
    if (this.#waitingBytes + bytes.length > MAX_WAITING) {
      if (this.lost++ === 0) {
        this.#warn(`${this.description}: nobody reads it, lines are lost`);
      }
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#writeWaiting();
  }

  async #writeWaiting(): Promise<void> {
    try {
      for (let line; (line = this.#waiting.shift()) !== undefined;) {
        for (let at = 0; at < line.length;) {
          at += await Deno.stdout.write(line.subarray(at));
        }
        this.#waitingBytes -= line.length;
      }
    } catch (error) {
      this.failure = error as Error;
      this.lost += 1 + this.#waiting.splice(0).length;
      this.#warn(
        `${this.description}: ${this.failure.message}; lines are lost`,
      );
    }
    this.#writing = undefined;
  }

  async flush(): Promise<void> {
    this.#writeLines();
    await this.#writing;
  }

  close(): void {}
}

/** Lines that end in some bytes. */
function countLines(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + (byte === LINE_FEED ? 1 : 0), 0);
}
