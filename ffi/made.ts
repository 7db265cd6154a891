/**
 * What a start has made, so that one that fails can take it back.
 *
 * @module
 */

import { closeDescriptor, keepDescriptor } from "./descriptors.ts";
import { cString, errno, libc, SystemError } from "./libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH } from "./linux.ts";
import { splitPath } from "./parent_directory.ts";

/** unlinkat(2): it is a directory. */
export const AT_REMOVEDIR = 0x200;

/** Something made. */
interface Made {
  /** Takes it back, as far as that is still allowed. */
  readonly undo: () => void;
  /** Lets go of what that takes. */
  readonly keep: () => void;
}

const all: Made[] = [];

/**
 * Remembers that a file, socket or directory is new. Its directory stays open, to
 * remove it also behind chroot.
 *
 * @param flags {@linkcode AT_REMOVEDIR} for a directory.
 * @throws {SystemError} If its directory cannot be opened; it is removed again.
 */
export function madePath(path: string, flags = 0): void {
  const [directory, entry] = splitPath(path);
  // Compiled now: a faulty filter would refuse it.
  const { openat, unlinkat } = libc();
  const parent = keepDescriptor(
    openat(
      AT_FDCWD,
      cString(directory),
      O_PATH | O_CLOEXEC,
      0,
    ),
  );
  const name = cString(entry);
  if (parent < 0) {
    const number = errno();
    unlinkat(AT_FDCWD, cString(path), flags);
    throw new SystemError(`open the directory of ${path}`, number);
  }
  all.push({
    undo: () => unlinkat(parent, name, flags),
    keep: () => closeDescriptor(parent),
  });
}

/** Remembers another thing that was done, and how to undo it. */
export function madeChange(undo: () => void): void {
  all.push({ undo, keep: () => {} });
}

/** The start has failed: takes all back, the last first. */
export function takeBack(): void {
  for (let made; (made = all.pop()) !== undefined;) {
    made.undo();
    made.keep();
  }
}

/** The start has succeeded: all stays. */
export function keepMade(): void {
  for (let made; (made = all.pop()) !== undefined;) made.keep();
}
