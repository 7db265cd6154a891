/**
 * A lock for as long as a start takes, so that two that find the same socket left
 * over do not each remove the other's.
 *
 * @module
 */

import { fileStatus } from "../ffi/file_status.ts";
import { cString, EEXIST, errno, libc, SystemError } from "../ffi/libc.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDWR,
} from "../ffi/linux.ts";
import { lockFile, O_NOFOLLOW } from "../ffi/output_file.ts";
import { Failure } from "./failure.ts";

const MODE = 0o600;

/**
 * Does something while nobody else does it at this path: the lock is a file beside
 * it, `PATH.lock`. One that was there before is locked, but neither changed nor
 * removed: a crash has left it, or it is somebody else's.
 *
 * @returns What that gives.
 * @throws {Failure} If somebody does, or what is there is none of ours.
 */
export function alone<Result>(path: string, act: () => Result): Result {
  const lock = `${path}.lock`;
  const { fd, isNew } = openLock(lock);
  try {
    // Who has made it removes it: he waits for whoever was faster to lock it.
    if (!lockFile(fd, isNew) || fileStatus(fd)?.links !== 1) {
      throw new Failure("another scanlogd starts there");
    }
    return act();
  } finally {
    if (isNew && isOurs(fileStatus(fd))) libc().unlink(cString(lock));
    libc().close(fd);
  }
}

/**
 * Checks that what is there can be such a lock, and changes nothing.
 *
 * @throws {Failure} If it cannot.
 */
export function checkAlone(path: string): void {
  const lock = `${path}.lock`;
  const status = fileStatus(AT_FDCWD, lock);
  if (status !== undefined && !isOurs(status)) refuse(lock);
}

function openLock(path: string): { fd: number; isNew: boolean } {
  const flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const open = (how: number) =>
    libc().openat(AT_FDCWD, cString(path), flags | how, MODE);
  const made = open(O_CREAT | O_EXCL);
  if (made >= 0) return { fd: made, isNew: true };
  const number = errno();
  if (number !== EEXIST) throw new SystemError(`open ${path}`, number);
  // Opening a device or a pipe would already do something.
  if (!isOurs(fileStatus(AT_FDCWD, path))) refuse(path);
  const fd = open(0);
  if (fd < 0) throw new SystemError(`open ${path}`, errno());
  if (isOurs(fileStatus(fd))) return { fd, isNew: false };
  libc().close(fd);
  refuse(path);
}

function isOurs(status: ReturnType<typeof fileStatus>): boolean {
  return status?.type === "file" && status.uid === libc().geteuid() &&
    status.links === 1;
}

function refuse(path: string): never {
  throw new Failure(`${path} is there, and no lock of this user's`);
}
