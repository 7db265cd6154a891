/**
 * The directory that a file is in, or is to be made in.
 *
 * @module
 */

import { cString, libc } from "./libc.ts";

const W_OK = 2; // unistd.h

/** A path's directory, "." for the working one, and the name in it. */
export function splitPath(
  path: string,
): readonly [directory: string, name: string] {
  const slash = path.lastIndexOf("/") + 1;
  return [path.slice(0, slash) || ".", path.slice(slash)];
}

/** Whether a file can be made there; errno tells why not. */
export function isParentWritable(path: string): boolean {
  const [directory] = splitPath(path);
  return libc().access(cString(directory), W_OK) >= 0;
}
