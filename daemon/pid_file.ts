/**
 * A file that tells the process's number and keeps a second instance out.
 *
 * @module
 */

import { cString, libc } from "../ffi/libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDWR } from "../ffi/linux.ts";
import { Failure } from "./failure.ts";

// sys/file.h
const LOCK_EX = 2;
const LOCK_NB = 4;
const MODE = 0o644;

/**
 * Holds a lock on the file for as long as the process lives: one left behind by
 * a process that died is taken over.
 */
export class PidFile {
  readonly #fd: number;

  /** @throws {Failure} If it cannot be opened, or another process holds it. */
  constructor(path: string) {
    const flags = O_RDWR | O_CREAT | O_CLOEXEC;
    this.#fd = libc().openat(AT_FDCWD, cString(path), flags, MODE);
    if (this.#fd < 0) {
      throw new Failure(
        `--pid-file: cannot open "${path}" for writing; does its directory exist?`,
      );
    }
    if (libc().flock(this.#fd, LOCK_EX | LOCK_NB) < 0) {
      throw new Failure(
        `--pid-file: another instance holds "${path}" (process ${this.#read()}); stop it first`,
      );
    }
    this.#write(`${libc().getpid()}\n`);
  }

  #read(): string {
    const bytes = new Uint8Array(32);
    const length = libc().read(this.#fd, bytes, BigInt(bytes.length));
    const text = new TextDecoder().decode(bytes.subarray(0, Number(length)));
    return text.trim() || "unknown";
  }

  #write(text: string): void {
    libc().ftruncate(this.#fd, 0n);
    const bytes = new TextEncoder().encode(text);
    libc().write(this.#fd, bytes, BigInt(bytes.length));
  }

  /** Empties it: behind chroot it cannot be removed any more. */
  clear(): void {
    libc().ftruncate(this.#fd, 0n);
  }
}
