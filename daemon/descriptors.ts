/**
 * What is open in the process besides what the program needs: the runtime's
 * caches, and whatever it was started with. Giving up privileges does not take
 * it away, so it is pointed at /dev/null.
 *
 * @module
 */

import {
  appendOnly,
  isClosedOnExec,
  isReadOnly,
} from "../ffi/descriptor_flags.ts";
import { isOwnDescriptor } from "../ffi/descriptors.ts";
import { type FileStatus, fileStatus } from "../ffi/file_status.ts";
import { checked, cString, libc } from "../ffi/libc.ts";
import {
  AF_UNIX,
  AT_FDCWD,
  F_GETFD,
  O_CLOEXEC,
  O_NOCTTY,
  O_RDWR,
  O_WRONLY,
  SOL_SOCKET,
} from "../ffi/linux.ts";
import { detachSharedFiles } from "./detached_files.ts";
import { logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import { ProcDirectory } from "./proc_directory.ts";

// asm-generic/socket.h
const SO_DOMAIN = 39;
/** A Unix socket's address without a name: the family alone. */
const UNNAMED = 2;
/** struct sockaddr_un. */
const SOCKADDR_UN = 110;

/** What the runtime and libpcap wait and count with. */
const WAITING = ["eventpoll", "eventfd", "timerfd"].map((kind) =>
  `anon_inode:[${kind}]`
);
/**
 * What the program was started with, asked before it opens anything: the runtime
 * has all of its own closed when a file is executed.
 */
const INHERITED: readonly number[] | undefined = Deno.build.os === "linux"
  ? listInherited()
  : [];
/**
 * Where nothing that is written stays, and nothing that is read was anybody's:
 * null, zero, random and urandom (admin-guide/devices.txt).
 */
const MEMORY_MAJOR = 1;
const HARMLESS_MINORS = [3, 5, 8, 9];

/** A descriptor, and what it refers to, in /proc's words. */
interface Descriptor {
  readonly fd: number;
  readonly target: string;
}

/** Finds what is open and not the program's own, also behind chroot. */
export class Descriptors {
  readonly #directory = new ProcDirectory("/proc/self/fd");
  readonly #executable: string | undefined;
  readonly #readFrom: readonly string[];
  /** What was found harmless; behind chroot, paths read otherwise. */
  readonly #kept = new Map<number, string>();

  /**
   * @param readFrom The files and directories that packets are read from, "-"
   * for standard input.
   * @throws {Error} If /proc is not there.
   */
  constructor(readFrom: readonly string[]) {
    if (INHERITED === undefined) {
      throw new Failure("cannot list what is open; mount /proc");
    }
    const self = new ProcDirectory("/proc/self");
    this.#executable = self.readLink("exe");
    self.close();
    this.#readFrom = readFrom.map((path) =>
      path === "-" ? path : Deno.realPathSync(path)
    );
  }

  /**
   * Points all that is not the program's own at /dev/null.
   *
   * @returns What that was.
   */
  silence(): string[] {
    const flags = O_RDWR | O_CLOEXEC;
    const nowhere = checked(
      libc().openat(AT_FDCWD, cString("/dev/null"), flags, 0),
      "open /dev/null",
    );
    if (!this.#readFrom.includes("-")) this.#stopReadingTerminals();
    const foreign = this.#foreign();
    for (const { fd } of foreign) {
      // Numbers beyond the limit on open files cannot be had again, by nobody.
      if (libc().dup2(nowhere, fd) < 0) libc().close(fd);
    }
    libc().close(nowhere);
    // Last: from here on nothing can be mapped that would have to be detached.
    detachSharedFiles();
    this.#keepWhatIsWritten();
    return foreign.map(({ target }) => target);
  }

  /** What is typed on the terminal that is written to is nobody's business. */
  #stopReadingTerminals(): void {
    const left: number[] = [];
    for (const fd of this.#directory.numbers()) {
      if (libc().isatty(fd) === 0) continue;
      const path = cString(`/proc/self/fd/${fd}`);
      const flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
      const writing = libc().openat(AT_FDCWD, path, flags, 0);
      if (writing < 0) {
        left.push(fd);
        continue;
      }
      checked(libc().dup2(writing, fd), "dup2");
      libc().close(writing);
    }
    if (left.length === 0) return;
    logWarning(
      "the terminal is another user's: what is typed there stays in reach",
    );
  }

  /** A file that standard output goes to is a log, even if it was named with `>`. */
  #keepWhatIsWritten(): void {
    for (const fd of this.#directory.numbers()) {
      const isLog = fileStatus(fd)?.type === "file" && !isOwnDescriptor(fd);
      if (isLog && !isReadOnly(fd)) appendOnly(fd);
    }
  }

  /**
   * Makes sure that nothing else is open.
   *
   * @throws {Failure} If something is.
   */
  check(): void {
    for (const { fd, target } of this.#foreign()) {
      throw new Failure(
        `descriptor ${fd} (${target}) is open and none of ours: refusing to go on; please report this`,
      );
    }
  }

  /**
   * The standard streams, and copies of them, that are sockets and no Unix ones:
   * whoever connects one anew can send to any address.
   */
  sockets(): number[] {
    return this.#directory.numbers().filter((fd) =>
      fileStatus(fd)?.type === "socket" && !isOwnDescriptor(fd) && !isUnix(fd)
    );
  }

  /** Closes what it looks with. */
  close(): void {
    this.#directory.close();
  }

  #foreign(): Descriptor[] {
    const standard = [1, 2, ...(this.#readFrom.includes("-") ? [0] : [])]
      .map((fd) => fileStatus(fd)?.identity);
    return this.#directory.numbers().flatMap((fd): Descriptor[] => {
      const status = fileStatus(fd);
      const target = this.#directory.readLink(`${fd}`);
      if (status === undefined || target === undefined) {
        if (isOpen(fd)) refuse(fd);
        return [];
      }
      const isKept = standard.includes(status.identity) ||
        this.#isHarmless(fd, target, status);
      if (isKept) this.#kept.set(fd, status.identity);
      return isKept ? [] : [{ fd, target }];
    });
  }

  #isHarmless(fd: number, target: string, status: FileStatus): boolean {
    const [major, minor] = status.device;
    if (isOwnDescriptor(fd)) return true;
    if (this.#kept.get(fd) === status.identity) return true;
    if (status.type === "device") {
      return major === MEMORY_MAJOR && HARMLESS_MINORS.includes(minor);
    }
    if (WAITING.includes(target)) return !INHERITED?.includes(fd);
    if (!isClosedOnExec(fd)) return false;
    if (target.startsWith("socket:")) return isUnnamedUnix(fd);
    return isReadOnly(fd) &&
      (target === this.#executable || this.#isReadFrom(target));
  }

  #isReadFrom(target: string): boolean {
    return this.#readFrom.some((path) =>
      target === path || target.startsWith(`${path}/`)
    );
  }
}

/** Undefined if that cannot be told: who needs it says so. */
function listInherited(): number[] | undefined {
  try {
    const directory = new ProcDirectory("/proc/self/fd");
    const all = directory.numbers().filter((fd) => !isClosedOnExec(fd));
    directory.close();
    return all;
  } catch {
    return undefined;
  }
}

function isOpen(fd: number): boolean {
  return libc().fcntl(fd, F_GETFD, 0) >= 0;
}

function refuse(fd: number): never {
  throw new Failure(
    `descriptor ${fd} cannot be looked at: refusing to go on; an outer filter must allow statx(2) and readlinkat(2)`,
  );
}

function isUnix(fd: number): boolean {
  const domain = new Int32Array(1);
  const size = Uint32Array.of(4);
  libc().getsockopt(fd, SOL_SOCKET, SO_DOMAIN, domain, size);
  return domain[0] === AF_UNIX;
}

/** Such sockets join two parts of the process, and lead nowhere else. */
function isUnnamedUnix(fd: number): boolean {
  if (!isUnix(fd)) return false;
  return [libc().getsockname, libc().getpeername].every((ask) => {
    const length = Uint32Array.of(SOCKADDR_UN);
    const isKnown = ask(fd, new Uint8Array(SOCKADDR_UN), length) === 0;
    return !isKnown || length[0] <= UNNAMED;
  });
}
