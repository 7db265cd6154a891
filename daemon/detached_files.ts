/**
 * Files that the process can write to without a descriptor, since they are mapped
 * into its memory and shared: the runtime's databases.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../ffi/linux.ts";
import { fileMappings } from "../ffi/own_mappings.ts";
import { Failure } from "./failure.ts";

/**
 * Puts blank memory in the place of files that are mapped and shared, also for
 * reading alone: whoever may change what memory is for could write to them, since
 * their descriptors were open for writing. Nothing of them is left to read: behind
 * the sandbox, the runtime cannot lock its databases, and looks at nothing in them.
 *
 * @throws {Failure} If something stays shared.
 */
export function detachSharedFiles(): void {
  for (const { start, length, permissions, path, text } of fileMappings()) {
    if (!permissions.endsWith("s") || path.startsWith("/dev/zero ")) continue;
    const result = libc().mmap(
      Deno.UnsafePointer.create(start),
      length,
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
      -1,
      0n,
    );
    if (Deno.UnsafePointer.value(result) === start) continue;
    throw new Failure(`cannot detach a mapped file: ${text}`);
  }
}
