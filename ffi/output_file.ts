/**
 * Opening files to write to as root, where somebody else may have put something
 * in their place: a link, a file of another user, a file that holds something
 * else.
 *
 * @module
 */

import { closeDescriptor, keepDescriptor } from "./descriptors.ts";
import { type FileStatus, fileStatus } from "./file_status.ts";
import { isOfKernel } from "./kernel_files.ts";
import { cString, describeErrno, ENOENT, ENXIO, errno, libc } from "./libc.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW_ARM,
  O_NOFOLLOW_X86,
  O_NONBLOCK,
} from "./linux.ts";
import { madePath } from "./made.ts";
import { isParentWritable } from "./parent_directory.ts";

export const O_NOFOLLOW = Deno.build.arch === "aarch64"
  ? O_NOFOLLOW_ARM
  : O_NOFOLLOW_X86;
// sys/file.h
const LOCK_EX = 2;
const LOCK_NB = 4;
/** Enough to recognize what a file holds. */
const SAMPLE = 256;

/** How a file is to be opened. */
export interface OutputFileOptions {
  /** Which option names it, for messages. */
  readonly option: string;
  /** O_WRONLY or O_RDWR, and O_APPEND. */
  readonly flags: number;
  /** The permissions of one that is made. */
  readonly mode: number;
  /**
   * What the beginning of a file must look like that is not empty; neither pipes
   * nor devices will do. It takes O_RDWR; anything will do if left out.
   */
  readonly mayHold?: RegExp;
}

/** An open file. */
export interface OutputFile {
  /** The descriptor, entered as the program's own. */
  readonly fd: number;
  /** Whether there was none before. */
  readonly isNew: boolean;
}

/**
 * Opens a file for writing, or makes one. Nothing is changed in one that is
 * there.
 *
 * @throws {Error} If it is a link, a directory or another user's, has a second
 * name, holds something else, or cannot be opened.
 */
export function openOutputFile(
  path: string,
  options: OutputFileOptions,
): OutputFile {
  const isNew = fileStatus(AT_FDCWD, path) === undefined;
  const how = isNew ? O_CREAT | O_EXCL : 0;
  const fd = open(path, options.flags | how, options.mode);
  if (fd < 0) refuse(path, options, describeFailure(path));
  if (!isNew) {
    const why = whyNot(fd, options);
    if (why !== undefined) {
      libc().close(fd);
      refuse(path, options, why);
    }
  }
  if (isNew) madePath(path);
  return { fd: keepDescriptor(fd), isNew };
}

/**
 * Checks that {@linkcode openOutputFile} would succeed, and changes nothing.
 *
 * @throws {Error} If it would not.
 */
export function checkOutputFile(
  path: string,
  options: OutputFileOptions,
): void {
  if (fileStatus(AT_FDCWD, path) !== undefined) {
    closeDescriptor(openOutputFile(path, options).fd);
    return;
  }
  if (errno() !== ENOENT) refuse(path, options, describeFailure(path));
  if (!isParentWritable(path)) refuse(path, options, describeFailure(path));
}

/**
 * Keeps others out of a file for as long as it is open; returns whether nobody else
 * does.
 *
 * @param isWaiting Whether to wait until nobody does.
 */
export function lockFile(fd: number, isWaiting = false): boolean {
  return libc().flock(fd, LOCK_EX | (isWaiting ? 0 : LOCK_NB)) === 0;
}

/** Never waits for a reader, as opening a pipe would. */
function open(path: string, flags: number, mode: number): number {
  const always = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  return libc().openat(AT_FDCWD, cString(path), flags | always, mode);
}

/** Looks at what was opened: its name may mean another file by now. */
function whyNot(
  fd: number,
  { mayHold }: OutputFileOptions,
): string | undefined {
  const status = fileStatus(fd);
  if (status === undefined) return "it cannot be looked at";
  if (status.type !== "file") {
    const why = describeType(status) ??
      (mayHold && `it is a ${status.type}; name a file`);
    if (why !== undefined || status.type === "device") return why;
  }
  if (isOfKernel(fd)) {
    return "what is written there goes to the kernel, and is kept nowhere; name a file on a disk";
  }
  const user = libc().geteuid();
  if (status.uid !== 0 && status.uid !== user) {
    return `it belongs to another user (${status.uid}); remove it, or: chown ${user} it`;
  }
  if (status.links > 1) {
    return "it has a second name (a hard link); remove one of them";
  }
  if (mayHold === undefined || status.size === 0) return undefined;
  const beginning = beginningOf(fd);
  if (beginning === undefined) return "it cannot be read";
  return mayHold.test(beginning)
    ? undefined
    : "it holds something else; name another file, or remove it";
}

function beginningOf(fd: number): string | undefined {
  const bytes = new Uint8Array(SAMPLE);
  const length = Number(libc().read(fd, bytes, BigInt(SAMPLE)));
  if (length < 0) return undefined;
  libc().lseek(fd, 0n, 0);
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** Files, pipes, and devices such as /dev/null are written to, nothing else. */
function describeType({ type }: FileStatus): string | undefined {
  if (type === "file" || type === "pipe" || type === "device") return undefined;
  if (type === "link") {
    return "it is a symbolic link; name the file that it points to";
  }
  return type === "directory"
    ? "it is a directory; name a file in it"
    : "it is no file";
}

function describeFailure(path: string): string {
  const number = errno();
  const reason = describeErrno(number);
  const status = fileStatus(AT_FDCWD, path);
  if (status?.type === "pipe" && number === ENXIO) {
    return "it is a pipe that nobody reads from; start its reader first, or name a file";
  }
  const kind = status && describeType(status);
  return kind ??
    `open for writing: ${reason}; name a file in a directory that exists and that you may write to`;
}

function refuse(
  path: string,
  { option }: OutputFileOptions,
  why: string,
): never {
  throw new Error(`${option} ${path}: ${why}`);
}
