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
import { type FileMapping, fileMappings } from "../ffi/own_mappings.ts";
import { Failure } from "./failure.ts";

/**
 * Makes private what is mapped and shared. What is shared for reading alone is,
 * too: whoever may change what memory is for could write to it, since its
 * descriptor was open for writing.
 *
 * @param openedAs Finds a descriptor of a file.
 * @throws {Failure} If something stays shared.
 */
export function detachSharedFiles(
  openedAs: (path: string) => number | undefined,
): void {
  for (const mapping of fileMappings()) {
    const { permissions, path } = mapping;
    if (!/^r..s$/.test(permissions) || path.startsWith("/dev/zero ")) continue;
    // Copying a database's megabytes would take longer than all the rest of the
    // sandbox. Its index is short, and others may cut it once its lock is gone.
    const isIndex = permissions[1] === "w";
    const fd = isIndex ? undefined : openedAs(path);
    if (fd === undefined) replaceByCopy(mapping);
    else mapInPlace(mapping, PROT_READ, MAP_PRIVATE, fd);
  }
}

function replaceByCopy(mapping: FileMapping): void {
  const { start, length } = mapping;
  const address = Deno.UnsafePointer.create(start) as Deno.PointerObject;
  const copy = new Uint8Array(Number(length));
  new Deno.UnsafePointerView(address).copyInto(copy);
  const protection = PROT_READ | PROT_WRITE;
  mapInPlace(mapping, protection, MAP_PRIVATE | MAP_ANONYMOUS);
  const memory = Deno.UnsafePointerView.getArrayBuffer(address, copy.length);
  libc().memcpy(new Uint8Array(memory), Deno.UnsafePointer.of(copy), length);
}

/** Maps something else where a file is mapped. */
function mapInPlace(
  { start, length, offset, text }: FileMapping,
  protection: number,
  flags: number,
  fd?: number,
): void {
  const result = libc().mmap(
    Deno.UnsafePointer.create(start),
    length,
    protection,
    flags | MAP_FIXED,
    fd ?? -1,
    fd === undefined ? 0n : offset,
  );
  if (Deno.UnsafePointer.value(result) === start) return;
  throw new Failure(`cannot detach a mapped file: ${text}`);
}
