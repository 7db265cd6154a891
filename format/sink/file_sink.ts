/**
 * Lines to a file.
 *
 * @module
 */

import { closeDescriptor } from "../../ffi/descriptors.ts";
import { libc } from "../../ffi/libc.ts";
import { O_APPEND, O_WRONLY, SEEK_END } from "../../ffi/linux.ts";
import {
  checkOutputFile,
  openOutputFile,
  type OutputFileOptions,
} from "../../ffi/output_file.ts";
import type { Sink } from "./sink.ts";

const OPTIONS: Omit<OutputFileOptions, "option"> = {
  flags: O_WRONLY | O_APPEND,
  // Readable by the group that reads logs, by nobody else.
  mode: 0o640,
};

/**
 * Appends lines to a file, one write each. The file stays open, also behind
 * chroot: rotate it by copying and truncating.
 */
export class FileSink implements Sink {
  readonly description: string;
  lost = 0;
  readonly #fd: number;
  readonly #warn: (text: string) => void;
  readonly #encoder = new TextEncoder();
  /** A write that was cut short left a line without an end. */
  #isLineOpen = false;
  #isFailing = false;
  readonly #longest: number;
  /** Bytes that may be written before its length is looked at again. */
  #room = 0;

  /**
   * @param path The file; it is created if there is none.
   * @param option Which option names it.
   * @param warn Told when writing begins to fail, and when it works again.
   * @param longest The file grows no longer, in bytes; what comes on top is lost
   * until it is rotated.
   * @throws {Error} If it cannot be opened.
   */
  constructor(
    path: string,
    option: string,
    warn: (text: string) => void,
    longest: number = Infinity,
  ) {
    this.#longest = longest;
    this.description = path;
    this.#warn = warn;
    this.#fd = openOutputFile(path, { option, ...OPTIONS }).fd;
  }

  /**
   * Checks that there is, or could be, a file, and makes none.
   *
   * @throws {Error} If there could not.
   */
  static check(path: string, option: string): void {
    checkOutputFile(path, { option, ...OPTIONS });
  }

  write(line: string): void {
    const text = `${this.#isLineOpen ? "\n" : ""}${line}\n`;
    const bytes = this.#encoder.encode(text);
    if (!this.#hasRoom(bytes.length)) {
      const most = `${this.#longest} bytes`;
      return this.#lose(`has ${most}, lines are lost until it is rotated`);
    }
    const written = libc().write(this.#fd, bytes, BigInt(bytes.length));
    if (written === BigInt(bytes.length)) {
      if (this.#isFailing) this.#warn(`${this.description}: written to again`);
      this.#isFailing = this.#isLineOpen = false;
      return;
    }
    if (written > 0n) this.#isLineOpen = true;
    this.#lose("cannot be written to, lines are lost");
  }

  #lose(why: string): void {
    this.lost++;
    if (!this.#isFailing) this.#warn(`${this.description}: ${why}`);
    this.#isFailing = true;
  }

  #hasRoom(length: number): boolean {
    if (this.#longest === Infinity) return true;
    if (this.#room < length) {
      const size = Number(libc().lseek(this.#fd, 0n, SEEK_END));
      this.#room = this.#longest - size;
    }
    if (this.#room < length) return false;
    this.#room -= length;
    return true;
  }

  async flush(): Promise<void> {}

  close(): void {
    closeDescriptor(this.#fd);
  }
}
