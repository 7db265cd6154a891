/**
 * Directories of /proc that go on working behind chroot.
 *
 * @module
 */

import { closeDescriptor, keepDescriptor } from "../ffi/descriptors.ts";
import { fileStatus } from "../ffi/file_status.ts";
import { checked, cString, libc } from "../ffi/libc.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY_ARM,
  O_DIRECTORY_X86,
  O_RDONLY,
} from "../ffi/linux.ts";

const O_DIRECTORY = Deno.build.arch === "aarch64"
  ? O_DIRECTORY_ARM
  : O_DIRECTORY_X86;
const SEEK_SET = 0;
const PATH_MAX = 4096; // linux/limits.h

const decoder = new TextDecoder();

/** A directory of /proc, opened while it can be. */
export class ProcDirectory {
  /** The descriptor. */
  readonly fd: number;
  readonly #path: string;

  /** @throws {SystemError} If /proc is not there. */
  constructor(path: string) {
    this.#path = path;
    const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const fd = libc().openat(AT_FDCWD, cString(path), flags, 0);
    this.fd = keepDescriptor(checked(fd, `open ${path}`));
  }

  /** The entries that are numbers: struct linux_dirent64 (getdents64(2)). */
  numbers(): number[] {
    const buffer = new Uint8Array(32_768);
    const view = new DataView(buffer.buffer);
    const numbers: number[] = [];
    checked(libc().lseek(this.fd, 0n, SEEK_SET), "lseek");
    for (;;) {
      const length = Number(checked(
        libc().getdents64(this.fd, buffer, BigInt(buffer.length)),
        `getdents64 of ${this.#path}`,
      ));
      if (length === 0) return numbers;
      for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
        const end = buffer.indexOf(0, at + 19);
        const name = decoder.decode(buffer.subarray(at + 19, end));
        if (/^\d+$/.test(name)) numbers.push(Number(name));
      }
    }
  }

  /** Opens an entry for reading; returns a negative number if it is gone. */
  open(name: string): number {
    return libc().openat(this.fd, cString(name), O_RDONLY | O_CLOEXEC, 0);
  }

  /** Whether there is an entry of this name. */
  has(name: string): boolean {
    return fileStatus(this.fd, name) !== undefined;
  }

  /** What an entry points to; undefined if it is gone. */
  readLink(name: string): string | undefined {
    const target = new Uint8Array(PATH_MAX);
    const size = BigInt(target.length);
    const length = libc().readlinkat(this.fd, cString(name), target, size);
    if (length < 0n) return undefined;
    return decoder.decode(target.subarray(0, Number(length)));
  }

  /** Closes it. */
  close(): void {
    closeDescriptor(this.fd);
  }
}
