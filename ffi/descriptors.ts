/**
 * Which descriptors the program itself has opened and goes on needing. Whatever
 * else is open when it gives up its privileges, the runtime's caches or what it
 * was started with, is taken out of its reach: what is opened before that and
 * used after it must be entered here.
 *
 * @module
 */

import { libc } from "./libc.ts";

const own = new Set<number>();

/** Enters a descriptor; returns it. A negative number is none. */
export function keepDescriptor(fd: number): number {
  if (fd >= 0) own.add(fd);
  return fd;
}

/** Closes a descriptor that was entered. */
export function closeDescriptor(fd: number): void {
  own.delete(fd);
  libc().close(fd);
}

/** Whether a descriptor was entered. */
export function isOwnDescriptor(fd: number): boolean {
  return own.has(fd);
}
