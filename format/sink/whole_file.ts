/**
 * A file that is always written whole.
 *
 * @module
 */

import { closeDescriptor } from "../../ffi/descriptors.ts";
import { checked, libc } from "../../ffi/libc.ts";
import { O_RDWR } from "../../ffi/linux.ts";
import {
  checkOutputFile,
  lockFile,
  openOutputFile,
  type OutputFileOptions,
} from "../../ffi/output_file.ts";
import type { Sink } from "./sink.ts";

/** Which files are replaced, and who may read them. */
const KINDS = {
  // By the group that reads logs, and nobody else.
  page: { flags: O_RDWR, mode: 0o640, mayHold: /^<!doctype html>/i },
  // By all, as the exporters of counters are nobody's friends.
  counters: { flags: O_RDWR, mode: 0o644, mayHold: /^# HELP scanlogd_/ },
} as const satisfies Record<string, Omit<OutputFileOptions, "option">>;
type Kind = keyof typeof KINDS;

const SEEK_SET = 0;

/**
 * A file whose contents each write replaces. It is opened at the start and stays
 * open, since behind chroot nothing can be opened or renamed: the bytes are
 * written over, and what was longer is cut off. Until the first write, the file
 * is as it was.
 */
export class WholeFile implements Sink {
  readonly description: string;
  lost = 0;
  failure: Error | undefined;
  readonly #fd: number;
  readonly #encoder = new TextEncoder();

  /**
   * @param path The file; it is created if there is none.
   * @param option Which option names it.
   * @param kind `page`: for its owner and group; `counters`: for all.
   * @throws {Error} If it cannot be opened, or another process writes to it.
   */
  constructor(path: string, option: string, kind: Kind) {
    this.description = path;
    this.#fd = openOutputFile(path, { option, ...KINDS[kind] }).fd;
    if (!lockFile(this.#fd)) {
      closeDescriptor(this.#fd);
      throw new Error(
        `${option} ${path}: another scanlogd writes to it; name another file, or stop that one`,
      );
    }
  }

  /**
   * Checks that there is, or could be, a file, and makes none.
   *
   * @throws {Error} If there could not.
   */
  static check(path: string, option: string, kind: Kind): void {
    checkOutputFile(path, { option, ...KINDS[kind] });
  }

  /** Descriptors of files whose length changes. */
  get rewritten(): readonly number[] {
    return [this.#fd];
  }

  write(text: string): void {
    const bytes = this.#encoder.encode(text);
    try {
      this.#replace(bytes);
      this.failure = undefined;
    } catch (error) {
      this.lost++;
      this.failure = error as Error;
    }
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    checked(libc().lseek(this.#fd, 0n, SEEK_SET), "lseek");
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at);
      at += Number(
        checked(libc().write(this.#fd, rest, BigInt(rest.length)), "write"),
      );
    }
    checked(libc().ftruncate(this.#fd, BigInt(bytes.length)), "ftruncate");
  }

  async flush(): Promise<void> {}

  close(): void {
    closeDescriptor(this.#fd);
  }
}
