/**
 * What a descriptor may be used for: fcntl(2).
 *
 * @module
 */

import { libc } from "./libc.ts";
import { F_GETFD, F_GETFL, FD_CLOEXEC, O_ACCMODE, O_RDONLY } from "./linux.ts";

/** Whether nothing can be written through a descriptor. */
export function isReadOnly(fd: number): boolean {
  return (libc().fcntl(fd, F_GETFL, 0) & O_ACCMODE) === O_RDONLY;
}

/** Whether a descriptor is closed when a file is executed. */
export function isClosedOnExec(fd: number): boolean {
  return (libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC) !== 0;
}
