/**
 * What the running program may ask of the kernel.
 *
 * @module
 */

/** Numbers of a system call; undefined where the architecture lacks it. */
export interface SystemCall {
  /** asm/unistd_64.h */
  readonly x86_64: number;
  /** asm-generic/unistd.h */
  readonly aarch64?: number;
}

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
  /** The directories between which the reconnection to syslogd changes. */
  readonly directories: readonly number[];
  /** The process's number. */
  readonly pid: number;
}

// bits/socket.h, bits/mman.h, linux/sched.h, fcntl.h, asm-generic/ioctls.h,
// linux/sockios.h, linux/prctl.h
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_TYPE_MASK = 0xf;
const PROT_EXEC = 4;
const MAP_ANONYMOUS = 0x20;
const CLONE_THREAD = 0x10000;
const F_DUPFD = 0;
const F_GETFD_TO_F_SETFL = [1, 2, 3, 4];
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
  { x86_64: 0, aarch64: 63 }, // read
  { x86_64: 19, aarch64: 65 }, // readv
  { x86_64: 17, aarch64: 67 }, // pread64
  { x86_64: 8, aarch64: 62 }, // lseek
  { x86_64: 7 }, // poll
  { x86_64: 271, aarch64: 73 }, // ppoll
  { x86_64: 232 }, // epoll_wait
  { x86_64: 281, aarch64: 22 }, // epoll_pwait
  { x86_64: 441, aarch64: 441 }, // epoll_pwait2
  { x86_64: 233, aarch64: 21 }, // epoll_ctl
  { x86_64: 202, aarch64: 98 }, // futex
  { x86_64: 449, aarch64: 449 }, // futex_waitv
  { x86_64: 11, aarch64: 215 }, // munmap
  { x86_64: 10, aarch64: 226 }, // mprotect: the JIT needs PROT_EXEC
  { x86_64: 329, aarch64: 288 }, // pkey_mprotect
  { x86_64: 330, aarch64: 289 }, // pkey_alloc
  { x86_64: 331, aarch64: 290 }, // pkey_free
  { x86_64: 28, aarch64: 233 }, // madvise
  { x86_64: 25, aarch64: 216 }, // mremap
  { x86_64: 12, aarch64: 214 }, // brk
  { x86_64: 13, aarch64: 134 }, // rt_sigaction
  { x86_64: 14, aarch64: 135 }, // rt_sigprocmask
  { x86_64: 15, aarch64: 139 }, // rt_sigreturn
  { x86_64: 131, aarch64: 132 }, // sigaltstack
  { x86_64: 228, aarch64: 113 }, // clock_gettime
  { x86_64: 229, aarch64: 114 }, // clock_getres
  { x86_64: 230, aarch64: 115 }, // clock_nanosleep
  { x86_64: 35, aarch64: 101 }, // nanosleep
  { x86_64: 96, aarch64: 169 }, // gettimeofday
  { x86_64: 201 }, // time
  { x86_64: 24, aarch64: 124 }, // sched_yield
  { x86_64: 204, aarch64: 123 }, // sched_getaffinity
  { x86_64: 143, aarch64: 121 }, // sched_getparam
  { x86_64: 145, aarch64: 120 }, // sched_getscheduler
  { x86_64: 315, aarch64: 275 }, // sched_getattr
  { x86_64: 39, aarch64: 172 }, // getpid
  { x86_64: 186, aarch64: 178 }, // gettid
  { x86_64: 110, aarch64: 173 }, // getppid
  { x86_64: 102, aarch64: 174 }, // getuid
  { x86_64: 107, aarch64: 175 }, // geteuid
  { x86_64: 104, aarch64: 176 }, // getgid
  { x86_64: 108, aarch64: 177 }, // getegid
  { x86_64: 60, aarch64: 93 }, // exit
  { x86_64: 231, aarch64: 94 }, // exit_group
  { x86_64: 273, aarch64: 99 }, // set_robust_list
  { x86_64: 274, aarch64: 100 }, // get_robust_list
  { x86_64: 334, aarch64: 293 }, // rseq
  { x86_64: 318, aarch64: 278 }, // getrandom
  { x86_64: 219, aarch64: 128 }, // restart_syscall
  { x86_64: 77, aarch64: 46 }, // ftruncate
  { x86_64: 290, aarch64: 19 }, // eventfd2
  { x86_64: 55, aarch64: 209 }, // getsockopt
  { x86_64: 51, aarch64: 204 }, // getsockname: libpcap needs it
  { x86_64: 45, aarch64: 207 }, // recvfrom
  { x86_64: 47, aarch64: 212 }, // recvmsg
  { x86_64: 324, aarch64: 283 }, // membarrier
  { x86_64: 99, aarch64: 179 }, // sysinfo
  { x86_64: 98, aarch64: 165 }, // getrusage
  { x86_64: 100, aarch64: 153 }, // times
  { x86_64: 309, aarch64: 168 }, // getcpu
  { x86_64: 218, aarch64: 96 }, // set_tid_address
  { x86_64: 27, aarch64: 232 }, // mincore
  { x86_64: 74, aarch64: 82 }, // fsync
  { x86_64: 75, aarch64: 83 }, // fdatasync
];

/**
 * Calls that send something through their first argument, or give it another
 * number that the filter does not know. sendmsg is not among them: it could
 * hand a descriptor to another process.
 */
const NOT_ON_CAPTURE: readonly SystemCall[] = [
  { x86_64: 1, aarch64: 64 }, // write
  { x86_64: 20, aarch64: 66 }, // writev
  { x86_64: 44, aarch64: 206 }, // sendto
  { x86_64: 42, aarch64: 203 }, // connect
  { x86_64: 3, aarch64: 57 }, // close: the number could become another socket's
  { x86_64: 32, aarch64: 23 }, // dup
];

/** All calls that are allowed. */
export function allowedCalls(
  { capture, directories, pid }: SandboxDescriptors,
): AllowedCall[] {
  const argument = (
    argument: number,
    values: readonly number[],
    mask?: number,
  ): Condition => ({ argument, values, mask });
  const notCaptureAt = (argument: number): Condition => ({
    argument,
    values: capture,
    isForbidden: true,
  });
  const notCapture = notCaptureAt(0);
  return [
    ...HARMLESS,
    ...NOT_ON_CAPTURE.map((call) => ({ ...call, when: [[notCapture]] })),
    { x86_64: 33, when: [[notCapture, notCaptureAt(1)]] }, // dup2
    { x86_64: 292, aarch64: 24, when: [[notCapture, notCaptureAt(1)]] }, // dup3
    {
      x86_64: 9, // mmap: executable memory only for the JIT, never of a file
      aarch64: 222,
      when: [
        [argument(2, [0], PROT_EXEC)],
        [argument(3, [MAP_ANONYMOUS], MAP_ANONYMOUS)],
      ],
    },
    {
      x86_64: 41, // socket
      aarch64: 198,
      when: [[
        argument(0, [AF_UNIX]),
        argument(1, [SOCK_DGRAM], SOCK_TYPE_MASK),
      ]],
    },
    // An interface that comes back is bound to again.
    { x86_64: 49, aarch64: 200, when: [[argument(0, capture)]] }, // bind
    { x86_64: 81, aarch64: 50, when: [[argument(0, directories)]] }, // fchdir
    {
      x86_64: 56, // clone: threads, not processes
      aarch64: 220,
      when: [[argument(0, [CLONE_THREAD], CLONE_THREAD)]],
    },
    { x86_64: 234, aarch64: 131, when: [[argument(0, [pid])]] }, // tgkill
    {
      x86_64: 72, // fcntl
      aarch64: 25,
      when: [
        [argument(1, F_GETFD_TO_F_SETFL)],
        [argument(1, [F_DUPFD, F_DUPFD_CLOEXEC]), notCapture],
      ],
    },
    {
      x86_64: 16, // ioctl
      aarch64: 29,
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
      x86_64: 157,
      aarch64: 167,
      when: [[argument(0, [PR_SET_NAME, PR_SET_VMA])]],
    }, // prctl
    {
      x86_64: 302, // prlimit64: only to read one's own
      aarch64: 261,
      when: [[
        argument(0, [0]),
        argument(2, [0]),
        { ...argument(2, [0]), isUpper: true },
      ]],
    },
  ];
}

/** clone3, whose flags a filter cannot see: glibc then takes clone. */
export const CLONE3: SystemCall = { x86_64: 435, aarch64: 435 };
/** seccomp(2) itself. */
export const SECCOMP: Required<SystemCall> = { x86_64: 317, aarch64: 277 };
