/**
 * Lines to a file.
 *
 * @module
 */

import { checked, cString, libc } from "../ffi/libc.ts";
import {
  AT_FDCWD,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_NONBLOCK,
  O_PATH,
  O_WRONLY,
} from "../ffi/linux.ts";
import type { Sink } from "./sink.ts";

const FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC |
  // Else a pipe without reader would hold up the start.
  O_NONBLOCK;
/** Readable by the group that reads logs, by nobody else. */
const MODE = 0o640;

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

  /**
   * @param path The file; it is created if there is none.
   * @param warn Told when writing begins to fail, and when it works again.
   * @throws {Error} If it cannot be opened.
   */
  constructor(path: string, warn: (text: string) => void) {
    this.description = path;
    this.#warn = warn;
    this.#fd = open(path, path, FLAGS | O_CREAT);
  }

  /**
   * Checks that there is, or could be, a file, and makes none.
   *
   * @throws {Error} If there could not.
   */
  static check(path: string): void {
    const found = libc().openat(AT_FDCWD, cString(path), O_PATH, 0);
    const isThere = found >= 0;
    if (isThere) libc().close(found);
    const directory = path.slice(0, path.lastIndexOf("/") + 1) || ".";
    libc().close(
      isThere ? open(path, path, FLAGS) : open(path, directory, O_PATH),
    );
  }

  write(line: string): void {
    const text = `${this.#isLineOpen ? "\n" : ""}${line}\n`;
    const bytes = this.#encoder.encode(text);
    const written = libc().write(this.#fd, bytes, BigInt(bytes.length));
    if (written === BigInt(bytes.length)) {
      if (this.#isFailing) this.#warn(`${this.description}: written to again`);
      this.#isFailing = this.#isLineOpen = false;
      return;
    }
    this.lost++;
    if (written > 0n) this.#isLineOpen = true;
    if (!this.#isFailing) {
      this.#warn(`${this.description}: cannot be written to, lines are lost`);
    }
    this.#isFailing = true;
  }

  async flush(): Promise<void> {}

  close(): void {
    libc().close(this.#fd);
  }
}

/** Opens a file, or its directory, for the sink of a path. */
function open(path: string, what: string, flags: number): number {
  try {
    const fd = libc().openat(AT_FDCWD, cString(what), flags, MODE);
    return checked(fd, "open for appending");
  } catch (error) {
    throw new Error(`--output file ${path}: ${(error as Error).message}`);
  }
}
