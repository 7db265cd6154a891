/**
 * Stands in for ffi/descriptor_flags.ts: once descriptors are looked through,
 * another process cuts a file that is mapped for writing, which the environment
 * names. The runtime does that to an index of its cache that nobody has locked.
 *
 * @module
 */

import { isClosedOnExec as isClosed } from "../../../ffi/descriptor_flags.ts";
import { cString, environment, libc } from "../../../ffi/libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../../../ffi/linux.ts";

export * from "../../../ffi/descriptor_flags.ts";

let isStarted = false;
setTimeout(() => isStarted = true);

/** The same, but that a file is cut. */
export function isClosedOnExec(fd: number): boolean {
  if (isStarted) {
    const path = cString(environment("CUT_FILE") ?? "");
    const file = libc().openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (libc().ftruncate(file, 0n) < 0) throw new Error("the file is not cut");
    libc().close(file);
  }
  return isClosed(fd);
}
