/**
 * Memory that is held and not needed: the runtime takes much of it to start and
 * to compile, and would keep it.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";
import { MADV_DONTNEED } from "../ffi/linux.ts";
import { type FileMapping, fileMappings } from "../ffi/own_mappings.ts";

/** By then all that a start puts off is done, in milliseconds. */
const START_MS = 1_000;
/** How often it is asked whether much has been done since, in milliseconds. */
const CHECK_MS = 10_000;
/** Fewer packets than that make the runtime compile hardly anything. */
const MUCH = 100_000;

/** Gives such memory back. */
export class SpareMemory {
  readonly #code: readonly FileMapping[];
  #packets = 0;

  /**
   * Finds where the executable's code is: behind the sandbox, nothing can be opened.
   * Libraries are left alone, since tracers write into their pages.
   */
  constructor() {
    const executable = Deno.execPath();
    this.#code = fileMappings().filter(({ permissions, path }) =>
      permissions === "r-xp" && path === executable
    );
  }

  /**
   * Gives it back soon after the start, and whenever much has been done.
   *
   * @param packets Gives how many packets have been seen.
   */
  keepReleasing(packets: () => number): void {
    Deno.unrefTimer(setTimeout(() => this.#release(), START_MS));
    const check = () => {
      if (packets() - this.#packets < MUCH) return;
      this.#packets = packets();
      this.#release();
    };
    Deno.unrefTimer(setInterval(check, CHECK_MS));
  }

  /**
   * The heap's free memory, and pages of the runtime's code, most of which
   * compiles: the kernel maps those anew that are needed again.
   */
  #release(): void {
    libc().malloc_trim(0n);
    for (const { start, length } of this.#code) {
      const address = Deno.UnsafePointer.create(start);
      libc().madvise(address, length, MADV_DONTNEED);
    }
  }
}
