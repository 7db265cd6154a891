/**
 * Files of /proc that are opened before the sandbox and read again later, where
 * nothing can be opened any more.
 *
 * @module
 */

import { closeDescriptor, keepDescriptor } from "./descriptors.ts";
import { cString, libc } from "./libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "./linux.ts";

const SEEK_SET = 0; // stdio.h
const CHUNK = 65_536;

/** An open file, whose text the kernel writes anew for each reading. */
export class KeptFile {
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Opens one; undefined if it is not there or may not be read. */
  static open(path: string): KeptFile | undefined {
    const descriptor = keepDescriptor(
      libc().openat(AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0),
    );
    return descriptor < 0 ? undefined : new KeptFile(descriptor);
  }

  /**
   * Reads it from its beginning.
   *
   * @param longest After so many characters or some more, the rest is left.
   */
  read(longest = Infinity): string {
    const chunk = new Uint8Array(CHUNK);
    const decoder = new TextDecoder();
    libc().lseek(this.#descriptor, 0n, SEEK_SET);
    let text = "";
    while (text.length < longest) {
      const length = Number(
        libc().read(this.#descriptor, chunk, BigInt(chunk.length)),
      );
      if (length <= 0) break;
      text += decoder.decode(chunk.subarray(0, length), { stream: true });
    }
    return text;
  }

  /** Closes it. */
  close(): void {
    closeDescriptor(this.#descriptor);
  }
}
