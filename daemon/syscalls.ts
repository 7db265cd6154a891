/**
 * What the running program may ask of the kernel.
 *
 * @module
 */

import {
  AF_UNIX,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PACKET_ADD_MEMBERSHIP,
  PROT_EXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_PACKET,
} from "../ffi/linux.ts";
import { CALLS, type SystemCall } from "./syscall_numbers.ts";

/** A condition on one half of an argument. */
export interface Condition {
  /** Which argument, from 0 on. */
  readonly argument: number;
  /** Whether its upper 32 bits are looked at, else the lower ones. */
  readonly isUpper?: boolean;
  /** Bits that are looked at; all if left out. */
  readonly mask?: number;
  /** Values that those bits may have, or must not have. */
  readonly values: readonly number[];
  /** Whether the values are the forbidden ones. */
  readonly isForbidden?: boolean;
}

/** A system call that is allowed if one group of conditions holds entirely. */
export interface AllowedCall extends SystemCall {
  /** Always allowed if left out. */
  readonly when?: readonly (readonly Condition[])[];
}

/** What the conditions refer to. */
export interface SandboxDescriptors {
  /** Packet sockets and the like: nothing is ever sent through them. */
  readonly capture: readonly number[];
  /** Sockets that it was started with: they stay with whom they are connected to. */
  readonly connected: readonly number[];
  /** Those of the capture that are bound anew to an interface that is made anew. */
  readonly rebound: readonly number[];
  /** Those of the capture that watch other hosts on interfaces that come later. */
  readonly joining: readonly number[];
  /** The directories between which the reconnection to syslogd changes. */
  readonly directories: readonly number[];
  /** Files that are rewritten while the program runs, as its pid file is. */
  readonly rewritten: readonly number[];
  /** Whether syslogd listens on a stream. */
  readonly streams: boolean;
  /** The process's number. */
  readonly pid: number;
}

// linux/sched.h, linux/mman.h, fcntl.h, asm-generic/ioctls.h,
// linux/sockios.h, linux/prctl.h
const SOCK_TYPE_MASK = 0xf;
const MAP_TYPE = 0xf;
const CLONE_THREAD = 0x10000;
/**
 * VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID:
 * all that the C library makes threads with, and no namespace among them.
 */
const THREAD_FLAGS = 0x3d0f00;
const F_DUPFD = 0;
/**
 * F_GETFD, F_SETFD, F_GETFL. Not F_SETFL: a file that is only appended to could
 * be written over.
 */
const HARMLESS_FCNTLS = [1, 2, 3];
const F_DUPFD_CLOEXEC = 1030;
const TCGETS = 0x5401;
const TIOCGWINSZ = 0x5413;
const FIONREAD = 0x541b;
const FIONBIO = 0x5421;
const FIOCLEX = 0x5451;
const SIOCGIFFLAGS = 0x8913;
const PR_SET_NAME = 15;
const PR_SET_VMA = 0x53564d41;

/**
 * Calls that are harmless whatever their arguments: they touch only memory,
 * time, and descriptors that are open.
 */
const HARMLESS: readonly SystemCall[] = [
  CALLS.read,
  CALLS.readv,
  CALLS.pread64,
  CALLS.lseek,
  CALLS.poll,
  CALLS.ppoll,
  CALLS.epoll_wait,
  CALLS.epoll_pwait,
  CALLS.epoll_pwait2,
  CALLS.epoll_ctl,
  CALLS.futex,
  CALLS.futex_waitv,
  CALLS.munmap,
  // The JIT needs PROT_EXEC. That a file's mapping can get it too gives nothing
  // away: memory that is written and then executed is there in any case.
  CALLS.mprotect,
  CALLS.pkey_mprotect,
  CALLS.pkey_alloc,
  CALLS.pkey_free,
  CALLS.madvise,
  CALLS.mremap,
  CALLS.brk,
  CALLS.rt_sigaction,
  CALLS.rt_sigprocmask,
  CALLS.rt_sigreturn,
  CALLS.sigaltstack,
  CALLS.clock_gettime,
  CALLS.clock_getres,
  CALLS.clock_nanosleep,
  CALLS.nanosleep,
  CALLS.gettimeofday,
  CALLS.time,
  CALLS.sched_yield,
  CALLS.sched_getaffinity,
  CALLS.sched_getparam,
  CALLS.sched_getscheduler,
  CALLS.sched_getattr,
  CALLS.getpid,
  CALLS.gettid,
  CALLS.getppid,
  CALLS.getuid,
  CALLS.geteuid,
  CALLS.getgid,
  CALLS.getegid,
  CALLS.exit,
  CALLS.exit_group,
  CALLS.set_robust_list,
  CALLS.get_robust_list,
  CALLS.rseq,
  CALLS.getrandom,
  CALLS.restart_syscall,
  CALLS.eventfd2,
  CALLS.getsockopt,
  CALLS.getsockname, // libpcap needs it
  CALLS.recvfrom,
  CALLS.recvmsg,
  CALLS.membarrier,
  CALLS.sysinfo,
  CALLS.getrusage,
  CALLS.times,
  CALLS.getcpu,
  CALLS.set_tid_address,
  CALLS.mincore,
  CALLS.fsync,
  CALLS.fdatasync,
];

/** Calls that send something through their first argument. */
const NOT_ON_CAPTURE: readonly SystemCall[] = [CALLS.write, CALLS.writev];

/**
 * Calls that send something to an address, or give their first argument another
 * number that the filter does not know. sendmsg is not among them: it could hand a
 * descriptor to another process.
 */
const NOT_ELSEWHERE: readonly SystemCall[] = [
  CALLS.sendto,
  CALLS.connect,
  CALLS.dup,
];

/** All calls that are allowed. */
export function allowedCalls(
  descriptors: SandboxDescriptors,
): AllowedCall[] {
  const { capture, connected, directories, rewritten, streams, pid } =
    descriptors;
  const argument = (
    argument: number,
    values: readonly number[],
    mask?: number,
  ): Condition => ({ argument, values, mask });
  const not = (argument: number, values: readonly number[]): Condition => ({
    argument,
    values,
    isForbidden: true,
  });
  const notCapture = not(0, capture);
  const isMovable = not(0, [...capture, ...connected]);
  // What a number allows must not pass to another file that gets the number.
  const numbers = [...capture, ...directories, ...rewritten];
  return [
    ...HARMLESS,
    ...NOT_ON_CAPTURE.map((call) => ({ ...call, when: [[notCapture]] })),
    ...NOT_ELSEWHERE.map((call) => ({ ...call, when: [[isMovable]] })),
    { ...CALLS.close, when: [[not(0, numbers)]] },
    { ...CALLS.dup2, when: [[isMovable, not(1, numbers)]] },
    { ...CALLS.dup3, when: [[isMovable, not(1, numbers)]] },
    {
      // Executable memory only for the JIT, never of a file; and no writing to a
      // file through memory, past what its descriptor allows.
      ...CALLS.mmap,
      when: [
        [argument(2, [0], PROT_EXEC), argument(3, [MAP_PRIVATE], MAP_TYPE)],
        [argument(3, [MAP_ANONYMOUS], MAP_ANONYMOUS)],
      ],
    },
    {
      ...CALLS.socket,
      when: [[
        argument(0, [AF_UNIX]),
        argument(
          1,
          streams ? [SOCK_DGRAM, SOCK_STREAM] : [SOCK_DGRAM],
          SOCK_TYPE_MASK,
        ),
      ]],
    },
    { ...CALLS.bind, when: [[argument(0, descriptors.rebound)]] },
    { ...CALLS.fchdir, when: [[argument(0, directories)]] },
    { ...CALLS.ftruncate, when: [[argument(0, rewritten)]] },
    {
      ...CALLS.setsockopt,
      when: [[
        argument(0, descriptors.joining),
        argument(1, [SOL_PACKET]),
        argument(2, [PACKET_ADD_MEMBERSHIP]),
      ]],
    },
    {
      ...CALLS.clone, // threads, not processes
      when: [[
        argument(0, [CLONE_THREAD], (~THREAD_FLAGS | CLONE_THREAD) >>> 0),
      ]],
    },
    { ...CALLS.tgkill, when: [[argument(0, [pid])]] },
    {
      ...CALLS.fcntl,
      when: [
        [argument(1, HARMLESS_FCNTLS)],
        [argument(1, [F_DUPFD, F_DUPFD_CLOEXEC]), isMovable],
      ],
    },
    {
      ...CALLS.ioctl,
      when: [[
        argument(1, [
          TCGETS,
          TIOCGWINSZ,
          FIONREAD,
          FIONBIO,
          FIOCLEX,
          SIOCGIFFLAGS,
        ]),
      ]],
    },
    {
      ...CALLS.prctl,
      when: [[argument(0, [PR_SET_NAME, PR_SET_VMA])]],
    },
    {
      ...CALLS.prlimit64, // only to read one's own
      when: [[
        argument(0, [0]),
        argument(2, [0]),
        { ...argument(2, [0]), isUpper: true },
      ]],
    },
  ];
}
