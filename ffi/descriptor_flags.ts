/**
 * What a descriptor may be used for: fcntl(2).
 *
 * @module
 */

import { checked, libc } from "./libc.ts";
import {
  F_GETFD,
  F_GETFL,
  F_SETFL,
  FD_CLOEXEC,
  O_ACCMODE,
  O_APPEND,
  O_RDONLY,
} from "./linux.ts";

/** Whether nothing can be written through a descriptor. */
export function isReadOnly(fd: number): boolean {
  return (libc().fcntl(fd, F_GETFL, 0) & O_ACCMODE) === O_RDONLY;
}

/** Whether a descriptor is closed when a file is executed. */
export function isClosedOnExec(fd: number): boolean {
  return (libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC) !== 0;
}

/** Lets what is written through a descriptor only be appended. */
export function appendOnly(fd: number): void {
  const flags = libc().fcntl(fd, F_GETFL, 0);
  checked(libc().fcntl(fd, F_SETFL, flags | O_APPEND), "fcntl(F_SETFL)");
}
