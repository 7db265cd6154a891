/**
 * How far a capture file has been read, for somebody who waits.
 *
 * @module
 */

/** What is known while a file is read. */
export interface Readable {
  /** Bytes read so far. */
  readonly bytesRead: number;
  /** Bytes in all; undefined for a pipe. */
  readonly size: number | undefined;
}

const INTERVAL_MS = 500;
/** Smaller files are read before anybody could begin to wait. */
const MIN_SIZE = 64 << 20;
const CLEAR_LINE = "\r\x1b[K";

/** Shows percent and packets a second on a terminal, and nothing elsewhere. */
export class Progress {
  readonly #file: Readable;
  readonly #packets: () => number;
  readonly #encoder = new TextEncoder();
  readonly #start = performance.now();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param file What is being read.
   * @param packets Tells how many packets have been read.
   */
  constructor(file: Readable, packets: () => number) {
    this.#file = file;
    this.#packets = packets;
    const isLarge = file.size !== undefined && file.size >= MIN_SIZE;
    if (!isLarge || !Deno.stderr.isTerminal()) return;
    this.#timer = setInterval(() => this.#show(), INTERVAL_MS);
  }

  #show(): void {
    const { bytesRead, size } = this.#file;
    const percent = Math.floor((bytesRead / (size ?? 1)) * 100);
    const seconds = (performance.now() - this.#start) / 1000;
    const rate = this.#packets() / seconds / 1e6;
    this.#write(
      `${CLEAR_LINE}scanlogd: ${percent} %, ${
        rate.toFixed(1)
      } million packets/s`,
    );
  }

  #write(text: string): void {
    try {
      Deno.stderr.writeSync(this.#encoder.encode(text));
    } catch {
      // The terminal is gone; nobody waits any more.
    }
  }

  /** Removes what it has shown. */
  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#write(CLEAR_LINE);
  }
}
