/**
 * What a file is and whose, by statx(2), whose layout is the same everywhere.
 *
 * @module
 */

import { cString, libc } from "./libc.ts";

// linux/stat.h
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256; // sizeof(struct statx)
// fcntl.h
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
// linux/stat.h: the type's bits of the mode.
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;

/** What there is to know of a file. */
export interface FileStatus {
  /** What it is; undefined for a block device and the runtime's own. */
  readonly type?:
    | "file"
    | "directory"
    | "link"
    | "device"
    | "pipe"
    | "socket";
  /** How many names it has. */
  readonly links: number;
  /** Whose it is. */
  readonly uid: number;
  /** Its length, in bytes. */
  readonly size: number;
  /** A character device's numbers. */
  readonly device: readonly [major: number, minor: number];
  /** Tells it from all others. */
  readonly identity: string;
}

const TYPES = new Map<number, FileStatus["type"]>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "link"],
  [S_IFCHR, "device"],
  [S_IFIFO, "pipe"],
  [S_IFSOCK, "socket"],
]);

/**
 * Looks at an open file, or at one beside a directory's descriptor.
 *
 * @param path Nothing for the descriptor itself.
 * @param isFollowed Whether a last link is followed.
 * @returns Undefined if there is none.
 */
export function fileStatus(
  fd: number,
  path = "",
  isFollowed = false,
): FileStatus | undefined {
  const bytes = new DataView(new ArrayBuffer(STATX_BYTES));
  const flags = AT_EMPTY_PATH | (isFollowed ? 0 : AT_SYMLINK_NOFOLLOW);
  const result = libc().statx(
    fd,
    cString(path),
    flags,
    STATX_BASIC_STATS,
    bytes.buffer,
  );
  if (result < 0) return undefined;
  const word = (at: number) => bytes.getUint32(at, true);
  const long = (at: number) => bytes.getBigUint64(at, true);
  const mode = bytes.getUint16(28, true);
  return {
    type: TYPES.get(mode & S_IFMT),
    links: word(16),
    uid: word(20),
    size: Number(long(40)),
    device: [word(128), word(132)],
    identity: `${mode & S_IFMT} ${word(136)} ${word(140)} ${long(32)}`,
  };
}
