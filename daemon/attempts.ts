/**
 * What the program must not be able to do, tried. That a filter stands does not
 * say what it lets through: a mistake in it would open the sandbox in silence.
 *
 * @module
 */

import { clearErrno, cString, EPERM, errno, libc } from "../ffi/libc.ts";
import {
  AF_INET,
  AF_UNIX,
  AT_FDCWD,
  MAP_PRIVATE,
  MAP_SHARED,
  O_RDONLY,
  PACKET_ADD_MEMBERSHIP,
  PROT_EXEC,
  PROT_WRITE,
  SOCK_DGRAM,
  SOL_PACKET,
} from "../ffi/linux.ts";
import { Failure } from "./failure.ts";
import type { SandboxDescriptors } from "./syscalls.ts";
import { CALLS, type SystemCall } from "./syscall_numbers.ts";

/** Descriptors whose numbers the filter knows. */
type Known = Omit<SandboxDescriptors, "streams" | "pid">;
type Argument = number | bigint | Uint8Array<ArrayBuffer>;

type Numbers = Parameters<ReturnType<typeof libc>["syscallOfNumbers"]>;

/** What is tried, and by which call: its number and arguments. */
interface Attempt {
  readonly what: string;
  readonly numbers: Numbers;
}

// bits/socket_type.h, fcntl.h, linux/sched.h, linux/prctl.h,
// asm-generic/ioctls.h, linux/ptrace.h
const SOCK_STREAM = 1;
const F_DUPFD = 0;
const F_SETFL = 4;
const CLONE_SIGHAND = 0x800;
const PR_GET_DUMPABLE = 3;
const FIOASYNC = 0x5452;
const PTRACE_DETACH = 17;
/** No pointer: the kernel looks at it only where a call gets through. */
const NOWHERE = 1;
/** No descriptor and no process. */
const NONE = 0xffff_ffff;
const DUPLICATORS: readonly SystemCall[] = [CALLS.dup2, CALLS.dup3];
/** Asking again tells a wrong error number from a wrong filter. */
const TRIES = 3;

/**
 * Calls that without the filter this user would get another answer to, and that
 * change nothing even then, but for what is closed by a start that fails.
 */
function attempts(
  { capture, connected, rebound, joining, directories, rewritten }: Known,
): Attempt[] {
  const root = cString("/");
  const copies = capture.map((fd) =>
    attempt("to copy a capture descriptor", CALLS.dup, fd)
  );
  // The others would take a millisecond where hundreds of interfaces are named.
  const ends = [...new Set([...capture.slice(0, 1), ...capture.slice(-1)])];
  const through = ends.flatMap((fd) => [
    attempt("to copy a capture descriptor", CALLS.fcntl, fd, F_DUPFD, 0),
    attempt("to write to the network", CALLS.write, fd, NOWHERE, 1),
    attempt("to write to the network", CALLS.writev, fd, NOWHERE, 1),
    attempt("to connect a capture", CALLS.connect, fd, NOWHERE, 0),
    attempt("to send to the network", CALLS.sendto, fd, NOWHERE, 1, 0, 0, 0),
    attempt("to set a capture's filter", CALLS.setsockopt, fd, 1, 26, 0, 0),
  ]);
  const others = (fds: readonly number[]) =>
    ends.filter((fd) => !fds.includes(fd));
  const moves = [
    ...others(rebound).map((fd) =>
      attempt("to move a capture", CALLS.bind, fd, NOWHERE, 0)
    ),
    ...others(joining).map((fd) =>
      attempt(
        "to see other hosts' packets",
        CALLS.setsockopt,
        ...[fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, NOWHERE, 0],
      )
    ),
  ];
  const elsewhere = connected.flatMap((fd) => [
    attempt("to copy a socket", CALLS.dup, fd),
    attempt("to connect a socket anew", CALLS.connect, fd, NOWHERE, 0),
    attempt("to send to others", CALLS.sendto, fd, NOWHERE, 1, 0, NOWHERE, 0),
  ]);
  const replacements = [...ends, ...directories, ...rewritten].flatMap((fd) => [
    // arm64 has no dup2.
    ...DUPLICATORS.filter(isComplete).map((call) =>
      attempt("to put a file in another's place", call, NONE, fd, 0)
    ),
    attempt("to close what a number stands for", CALLS.close, fd),
  ]);
  return [
    attempt("a TCP socket", CALLS.socket, AF_INET, SOCK_STREAM, 0),
    attempt("a UDP socket", CALLS.socket, AF_INET, SOCK_DGRAM, 0),
    attempt("to open /", CALLS.openat, AT_FDCWD, root, O_RDONLY, 0),
    attempt("to execute a file", CALLS.execve, NOWHERE, 0, 0),
    attempt("a process of its own", CALLS.clone, CLONE_SIGHAND, 0, 0, 0, 0),
    attempt("to signal a process", CALLS.kill, Deno.pid, 0),
    attempt("to signal a process", CALLS.tgkill, NONE, NONE, 0),
    attempt("to trace a process", CALLS.ptrace, PTRACE_DETACH, NONE, 0, 0),
    attempt("a namespace", CALLS.unshare, 0),
    attempt("a file in memory", CALLS.memfd_create, NOWHERE, 0),
    attempt("to listen", CALLS.listen, NONE, 0),
    attempt("to bind a socket", CALLS.bind, NONE, 0, 0),
    attempt("to hand a descriptor on", CALLS.sendmsg, NONE, 0, 0),
    attempt("to cut a file", CALLS.ftruncate, NONE, 0),
    attempt("to change to a directory", CALLS.fchdir, NONE),
    attempt("to set a descriptor's owner", CALLS.ioctl, NONE, FIOASYNC, 0),
    attempt("to write over a file", CALLS.fcntl, NONE, F_SETFL, 0),
    attempt("prctl", CALLS.prctl, PR_GET_DUMPABLE, 0, 0, 0, 0),
    attempt("a limit", CALLS.prlimit64, 0, 7, NOWHERE, 0),
    attempt(
      "to execute a file's memory",
      CALLS.mmap,
      ...[0, 4096, PROT_EXEC, MAP_PRIVATE, NONE, 0],
    ),
    attempt(
      "to write to a file's memory",
      CALLS.mmap,
      ...[0, 4096, PROT_WRITE, MAP_SHARED, NONE, 0],
    ),
    ...copies,
    ...through,
    ...moves,
    ...elsewhere,
    ...replacements,
  ];
}

function isComplete(call: SystemCall): call is Required<SystemCall> {
  return Deno.build.arch in call;
}

function attempt(
  what: string,
  call: Required<SystemCall>,
  ...args: readonly Argument[]
): Attempt {
  const number = call[Deno.build.arch as keyof SystemCall];
  const numbers = [number, ...args, 0, 0, 0, 0, 0, 0].slice(0, 7).map(toNumber);
  return { what, numbers: numbers as Numbers };
}

/**
 * Prepares for trying what the filter must refuse, and a little of what it must
 * allow: the runtime compiles functions of the C library when they are first
 * asked for, which a faulty filter may refuse.
 *
 * @returns Tries it, once the filter stands. It throws a {@linkcode Failure} if a
 * call gets through, or one that is needed does not.
 */
export function prepareTrial(known: Known): () => void {
  const all = attempts(known);
  const { syscallOfNumbers, socket, close } = libc();
  return () => {
    for (const { what, numbers } of all) {
      if (isRefused(() => syscallOfNumbers(...numbers))) continue;
      throw new Failure(
        `the system call filter lets through ${what}: refusing to go on; please report this`,
      );
    }
    const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) {
      throw new Failure(
        "the system call filter refuses a socket to syslogd: refusing to go on; please report this",
      );
    }
    close(fd);
  };
}

function isRefused(call: () => bigint): boolean {
  for (let tries = 0; tries < TRIES; tries++) {
    clearErrno();
    if (call() >= 0n) return false;
    if (errno() === EPERM) return true;
  }
  return false;
}

/** As the kernel gets it: a number without sign, or where something stands. */
function toNumber(argument: Argument): bigint {
  if (argument instanceof Uint8Array) {
    return Deno.UnsafePointer.value(Deno.UnsafePointer.of(argument));
  }
  return BigInt.asUintN(64, BigInt(argument));
}
