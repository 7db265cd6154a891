/**
 * A file that holds the process ID and keeps a second instance out.
 *
 * @module
 */

import { closeDescriptor } from "../ffi/descriptors.ts";
import { checked, libc } from "../ffi/libc.ts";
import { O_RDWR } from "../ffi/linux.ts";
import { madeChange } from "../ffi/made.ts";
import {
  checkOutputFile,
  lockFile,
  openOutputFile,
  type OutputFileOptions,
} from "../ffi/output_file.ts";
import { Failure } from "./failure.ts";

const OPTIONS: OutputFileOptions = {
  option: "--pid-file",
  flags: O_RDWR,
  mode: 0o644,
  // Shorter than what is looked at: behind it, there could be anything.
  mayHold: /^\s{0,16}\d{0,10}\s{0,16}$/,
};

/**
 * Holds a lock on the file for as long as the process lives: one left behind by
 * a process that died is taken over.
 */
export class PidFile {
  /** The descriptor. */
  readonly fd: number;

  /**
   * @throws {Error} If it cannot be opened, holds anything but a number, or
   * another process holds it. It is then as it was.
   */
  constructor(path: string) {
    const { fd } = openOutputFile(path, OPTIONS);
    this.fd = fd;
    if (!lockFile(fd)) {
      const other = this.#read();
      closeDescriptor(fd);
      throw new Failure(
        `--pid-file: another instance holds "${path}" (process ${other}); stop it first`,
      );
    }
    try {
      this.#write(`${libc().getpid()}\n`);
      // What stood there before was a dead process's.
      madeChange(() => this.clear());
    } catch (error) {
      throw new Failure(
        `--pid-file ${path}: ${
          (error as Error).message
        }; name a file where there is room`,
      );
    }
  }

  /**
   * Checks that there is, or could be, such a file, and makes none.
   *
   * @throws {Error} If there could not.
   */
  static check(path: string): void {
    checkOutputFile(path, OPTIONS);
  }

  #read(): string {
    const bytes = new Uint8Array(32);
    const length = libc().read(this.fd, bytes, BigInt(bytes.length));
    const text = new TextDecoder().decode(bytes.subarray(0, Number(length)));
    return text.trim() || "unknown";
  }

  /** Cuts what is left of another number only once ours is there. */
  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const size = BigInt(bytes.length);
    const written = checked(libc().write(this.fd, bytes, size), "write");
    if (written !== size) throw new Error("write: no space is left");
    checked(libc().ftruncate(this.fd, size), "ftruncate");
  }

  /** Empties it: behind chroot it cannot be removed any more. */
  clear(): void {
    libc().ftruncate(this.fd, 0n);
  }
}
