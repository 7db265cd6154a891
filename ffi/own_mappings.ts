/**
 * Which files are mapped into the process's memory: /proc/self/maps, proc(5).
 *
 * @module
 */

import { readOwnProc } from "./libc.ts";

/** A part of the memory that shows a file. */
export interface FileMapping {
  /** Its first address. */
  readonly start: bigint;
  /** Bytes. */
  readonly length: bigint;
  /** Such as `r-xp`: what may be done with it, and whether it is private. */
  readonly permissions: string;
  /** The file. */
  readonly path: string;
  /** The whole line, for messages. */
  readonly text: string;
}

/** Addresses, permissions, offset, device, inode, path. */
const LINE =
  /^([\da-f]+)-([\da-f]+) (\S{4}) [\da-f]+ [\da-f]+:[\da-f]+ \d+ +(\/.*)$/;

/**
 * All files that are mapped.
 *
 * @throws {SystemError} If that cannot be read.
 */
export function fileMappings(): FileMapping[] {
  return readOwnProc("maps").split("\n").flatMap((text) => {
    const [, first, last, permissions, path] = LINE.exec(text) ?? [];
    if (first === undefined) return [];
    const start = BigInt(`0x${first}`);
    const length = BigInt(`0x${last}`) - start;
    return [{ start, length, permissions, path, text }];
  });
}
