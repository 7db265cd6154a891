/**
 * The system call filter, run by an interpreter of its programs: every call
 * with every combination of arguments that matters, on both architectures.
 */

import { parseCommandLine } from "../../daemon/command_line.ts";
import { Failure } from "../../daemon/failure.ts";
import { checkTarget } from "../../daemon/sandbox.ts";
import { seccompProgram } from "../../daemon/seccomp.ts";
import { allowedCalls } from "../../daemon/syscalls.ts";
import type { PackedProgram } from "../../ffi/bpf.ts";
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertThrows,
} from "../assert.ts";
import { interpret } from "../bpf.ts";

const ARCHITECTURES = ["x86_64", "aarch64"] as const;
type Architecture = typeof ARCHITECTURES[number];
/** Numbers by name; undefined where the architecture lacks the call. */
type Numbers = Record<string, [x86_64?: number, aarch64?: number]>;

// linux/audit.h
const AUDIT_ARCH: Record<string, number> = {
  i386: 0x40000003,
  x86_64: 0xc000003e,
  arm: 0x40000028,
  aarch64: 0xc00000b7,
};
// linux/seccomp.h, asm-generic/errno-base.h
const ALLOW = 0x7fff0000;
const EPERM = 0x00050000 | 1;
const ENOSYS = 0x00050000 | 38;
const X32_BIT = 0x40000000;
/** Larger than any number so far (469 in Linux 6.17). */
const LAST_NUMBER = 600;

const CAPTURE = [7, 21];
const DIRECTORIES = [9, 10];
const REWRITTEN = [12];
const OTHER = 4;
const PID = 4711;

/** Arguments of a call, from the first on. */
type Args = readonly (number | bigint)[];

/** A call as the kernel shows it to the filter. */
interface Call {
  number: number;
  architecture?: number;
  args?: Args;
}

/** struct seccomp_data, little-endian. */
const data = new DataView(new ArrayBuffer(64));

/** Runs a program as the kernel does (kernel/seccomp.c). */
function run(
  program: PackedProgram,
  { number, architecture = 0, args = [] }: Call,
): number {
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  for (let i = 0; i < 6; i++) {
    data.setBigUint64(16 + 8 * i, BigInt(args[i] ?? 0), true);
  }
  return interpret(program, loadData);
}

function loadData(offset: number, size: number): number {
  const isWord = size === 4 && offset % 4 === 0 && offset <= 60;
  assert(isWord, `load of ${size} bytes from ${offset}`);
  return data.getUint32(offset, true);
}

/** Runs the architecture's filter on a call with its number there. */
function filterOf(
  architecture: Architecture,
  {
    capture = CAPTURE,
    connected = [] as number[],
    rebound = CAPTURE,
    joining = CAPTURE,
    directories = DIRECTORIES,
    streams = false,
  } = {},
) {
  const program = seccompProgram(architecture, {
    capture,
    connected,
    rebound,
    joining,
    directories,
    rewritten: REWRITTEN,
    streams,
    pid: PID,
  });
  return (call: Call): number =>
    run(program, { architecture: AUDIT_ARCH[architecture], ...call });
}

/** Values that some condition looks for, and others. */
const INTERESTING: readonly (number | bigint)[] = [
  ...[
    0,
    1,
    2,
    OTHER,
    ...CAPTURE,
    ...DIRECTORIES,
    ...REWRITTEN,
    16,
    17,
    0x22,
    0x32,
  ],
  ...[263, 15, 0x10000, 0x10f00, 0x541b, PID, PID + 1, 1030, 38],
  ...[0xffff_ffff_ffff_ffffn, 0x1_0000_0000n],
];

/** All pairs of interesting values as two arguments, the others alike. */
const COMBINATIONS: readonly Args[] = [0, 1, -1].flatMap((base) =>
  [[0, 1], [0, 2], [2, 3]].flatMap(([i, j]) =>
    INTERESTING.flatMap((a) =>
      INTERESTING.map((b) => {
        const args: (number | bigint)[] = Array(6).fill(base);
        args[i] = a;
        args[j] = b;
        return args;
      })
    )
  )
);
/** Enough where arguments should not even be looked at. */
const SOME_COMBINATIONS = COMBINATIONS.filter((_, i) => i % 11 === 0);

function numbers(table: Numbers, architecture: Architecture) {
  const index = ARCHITECTURES.indexOf(architecture);
  return Object.entries(table).flatMap(([name, numbers]) => {
    const number = numbers[index];
    return number === undefined ? [] : [{ name, number }];
  });
}

/** All calls that name a path, and those that execute or mount one. */
const NAMING_PATHS: Numbers = {
  open: [2, undefined],
  creat: [85, undefined],
  openat: [257, 56],
  openat2: [437, 437],
  open_tree: [428, 428],
  open_tree_attr: [467, 467],
  name_to_handle_at: [303, 264],
  stat: [4, undefined],
  lstat: [6, undefined],
  newfstatat: [262, 79],
  statx: [332, 291],
  statfs: [137, 43],
  access: [21, undefined],
  faccessat: [269, 48],
  faccessat2: [439, 439],
  readlink: [89, undefined],
  readlinkat: [267, 78],
  chdir: [80, 49],
  chroot: [161, 51],
  pivot_root: [155, 41],
  link: [86, undefined],
  linkat: [265, 37],
  unlink: [87, undefined],
  unlinkat: [263, 35],
  rename: [82, undefined],
  renameat: [264, 38],
  renameat2: [316, 276],
  mkdir: [83, undefined],
  mkdirat: [258, 34],
  rmdir: [84, undefined],
  symlink: [88, undefined],
  symlinkat: [266, 36],
  chmod: [90, undefined],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  chown: [92, undefined],
  lchown: [94, undefined],
  fchownat: [260, 54],
  truncate: [76, 45],
  mknod: [133, undefined],
  mknodat: [259, 33],
  utime: [132, undefined],
  utimes: [235, undefined],
  utimensat: [280, 88],
  futimesat: [261, undefined],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  getxattr: [191, 8],
  lgetxattr: [192, 9],
  listxattr: [194, 11],
  llistxattr: [195, 12],
  removexattr: [197, 14],
  lremovexattr: [198, 15],
  setxattrat: [463, 463],
  getxattrat: [464, 464],
  listxattrat: [465, 465],
  removexattrat: [466, 466],
  execve: [59, 221],
  execveat: [322, 281],
  uselib: [134, undefined],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  umount2: [166, 39],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  inotify_add_watch: [254, 27],
  fanotify_mark: [301, 263],
  quotactl: [179, 60],
  statmount: [457, 457],
  listmount: [458, 458],
};
/** The calls that the design's Trust section names besides. */
const NAMED_BY_DESIGN: Numbers = {
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  perf_event_open: [298, 241],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  open_by_handle_at: [304, 265],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
};
/** Processes, authority, sockets, clocks and the kernel's rarer doors. */
const NEVER_NEEDED: Numbers = {
  inotify_init: [253, undefined],
  inotify_init1: [294, 26],
  fanotify_init: [300, 262],
  process_madvise: [440, 440],
  kcmp: [312, 272],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  fork: [57, undefined],
  vfork: [58, undefined],
  kill: [62, 129],
  tkill: [200, 130],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  setuid: [105, 146],
  setgid: [106, 144],
  setreuid: [113, 145],
  setregid: [114, 143],
  setresuid: [117, 147],
  setresgid: [119, 149],
  setgroups: [116, 159],
  setfsuid: [122, 151],
  setfsgid: [123, 152],
  capset: [126, 91],
  listen: [50, 201],
  accept: [43, 202],
  accept4: [288, 242],
  socketpair: [53, 199],
  sendmsg: [46, 211],
  sendmmsg: [307, 269],
  shutdown: [48, 210],
  getdents: [78, undefined],
  getdents64: [217, 61],
  sendfile: [40, 71],
  splice: [275, 76],
  tee: [276, 77],
  vmsplice: [278, 75],
  copy_file_range: [326, 285],
  pwrite64: [18, 68],
  pwritev: [296, 70],
  pwritev2: [328, 287],
  fchmod: [91, 52],
  fchown: [93, 55],
  fallocate: [285, 47],
  fsetxattr: [190, 7],
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  adjtimex: [159, 171],
  clock_adjtime: [305, 266],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  syslog: [103, 116],
  personality: [135, 92],
  modify_ldt: [154, undefined],
  arch_prctl: [158, undefined],
  ioperm: [173, undefined],
  iopl: [172, undefined],
  seccomp: [317, 277],
  landlock_create_ruleset: [444, 444],
  landlock_restrict_self: [446, 446],
  setrlimit: [160, 164],
  setpriority: [141, 140],
  ioprio_set: [251, 30],
  sched_setaffinity: [203, 122],
  sched_setscheduler: [144, 119],
  sched_setattr: [314, 274],
  mlock: [149, 228],
  mlockall: [151, 230],
  shmget: [29, 194],
  shmat: [30, 196],
  msgget: [68, 186],
  semget: [64, 190],
  mq_open: [240, 180],
  io_setup: [206, 0],
  io_submit: [209, 2],
  lookup_dcookie: [212, 18],
  vhangup: [153, 58],
  setsid: [112, 157],
  setpgid: [109, 154],
  wait4: [61, 260],
  waitid: [247, 95],
  ustat: [136, undefined],
  sysfs: [139, undefined],
  timer_create: [222, 107],
  timerfd_create: [283, 85],
  signalfd4: [289, 74],
};
/** Calls that are allowed with some arguments only. */
const CONDITIONAL: Numbers = {
  write: [1, 64],
  writev: [20, 66],
  sendto: [44, 206],
  connect: [42, 203],
  close: [3, 57],
  dup: [32, 23],
  dup2: [33, undefined],
  dup3: [292, 24],
  fcntl: [72, 25],
  bind: [49, 200],
  fchdir: [81, 50],
  ftruncate: [77, 46],
  setsockopt: [54, 208],
  socket: [41, 198],
  clone: [56, 220],
  mmap: [9, 222],
  tgkill: [234, 131],
  prlimit64: [302, 261],
  prctl: [157, 167],
  ioctl: [16, 29],
};

for (const architecture of ARCHITECTURES) {
  const run = filterOf(architecture);
  const all = { ...NAMING_PATHS, ...NAMED_BY_DESIGN, ...NEVER_NEEDED };

  Deno.test(`${architecture}: what names a path or has no place here is refused, whatever its arguments`, () => {
    const calls = numbers(all, architecture);
    assert(calls.length > 150);
    for (const { name, number } of calls) {
      for (const args of SOME_COMBINATIONS) {
        assertEquals(run({ number, args }), EPERM, `${name}(${args})`);
      }
    }
  });

  Deno.test(`${architecture}: what is not in the list is refused, whatever its arguments`, () => {
    const listed = new Set(
      allowedCalls({
        capture: CAPTURE,
        connected: [],
        rebound: CAPTURE,
        joining: CAPTURE,
        directories: DIRECTORIES,
        rewritten: REWRITTEN,
        streams: false,
        pid: PID,
      }).map((call) => call[architecture]),
    );
    let allowed = 0;
    for (let number = 0; number <= LAST_NUMBER; number++) {
      if (listed.has(number)) {
        const results = new Set(
          COMBINATIONS.map((args) => run({ number, args })),
        );
        assert(results.has(ALLOW), `${number} is never allowed`);
        for (const result of results) {
          assert(result === ALLOW || result === EPERM, `${number}: ${result}`);
        }
        allowed++;
        continue;
      }
      const expected = number === 435 ? ENOSYS : EPERM;
      for (const args of SOME_COMBINATIONS) {
        assertEquals(run({ number, args }), expected, `${number}(${args})`);
      }
    }
    assertEquals(allowed, [...listed].filter((n) => n !== undefined).length);
    // Whoever lengthens the list should have a reason.
    assertLessOrEqual(allowed, 90);
  });

  Deno.test(`${architecture}: another architecture's calls are refused`, () => {
    for (const [name, value] of Object.entries(AUDIT_ARCH)) {
      if (name === architecture) continue;
      for (let number = 0; number <= LAST_NUMBER; number++) {
        const call = { number, architecture: value };
        assertEquals(run(call), EPERM, `${number} of ${name}`);
      }
    }
  });

  Deno.test(`${architecture}: numbers of the x32 interface and beyond are refused`, () => {
    for (let number = 0; number <= LAST_NUMBER; number++) {
      for (const bit of [X32_BIT, 0x80000000, 0xc0000000]) {
        assertEquals(run({ number: number + bit }), EPERM);
      }
    }
    assertEquals(run({ number: 0xffffffff }), EPERM);
  });

  /** Names of calls, and the arguments that decide. */
  const number = (name: string) => {
    const [found] = numbers({ [name]: CONDITIONAL[name] }, architecture);
    return found?.number;
  };
  const assertDecides = (
    name: string,
    decisions: { allowed: Args[]; refused: Args[] },
    runs = run,
  ) => {
    const nr = number(name);
    if (nr === undefined) return;
    const kinds = [["allowed", ALLOW], ["refused", EPERM]] as const;
    for (const [kind, expected] of kinds) {
      for (const args of decisions[kind]) {
        const result = runs({ number: nr, args });
        assertEquals(result, expected, `${name}(${args}) is to be ${kind}`);
      }
    }
  };

  Deno.test(`${architecture}: nothing is sent through a capture descriptor, nor does it get another number`, () => {
    const through = CAPTURE.map((fd): Args => [fd, 1, 1, 0, 0, 0]);
    // The kernel takes a descriptor's lower 32 bits.
    const hidden = CAPTURE.map((fd): Args => [BigInt(fd) | 0x1_0000_0000n, 1]);
    const others = [0, 1, 2, OTHER].map((fd): Args => [fd, 1]);
    const known = [...DIRECTORIES, ...REWRITTEN].map((fd): Args => [fd, 1]);
    for (const name of ["write", "writev", "sendto", "connect", "dup"]) {
      assertDecides(name, {
        allowed: [...others, ...known],
        refused: [...through, ...hidden],
      });
    }
    assertDecides("close", {
      allowed: others,
      refused: [...through, ...hidden],
    });
    for (const name of ["dup2", "dup3"]) {
      assertDecides(name, {
        allowed: others,
        refused: [...through, ...hidden, [OTHER, 7], [1, 21]],
      });
    }
    assertDecides("fcntl", {
      allowed: [
        ...[[OTHER, 0], [OTHER, 1030], [OTHER, 2], [OTHER, 3]],
        ...CAPTURE.flatMap((
          fd,
        ): Args[] => [[fd, 1], [fd, 2], [fd, 3]]),
      ],
      refused: [
        ...CAPTURE.flatMap((fd): Args[] => [[fd, 0], [fd, 1030]]),
        // F_SETFL, F_SETLK, F_SETOWN, F_SETSIG, F_NOTIFY, F_ADD_SEALS
        ...[4, 6, 8, 10, 1026, 1033].map((command): Args => [OTHER, command]),
      ],
    });
  });

  Deno.test(`${architecture}: no file gets the number of one that more is allowed with`, () => {
    const known = [...CAPTURE, ...DIRECTORIES, ...REWRITTEN];
    const hidden = known.map((fd) => BigInt(fd) | 0x1_0000_0000n);
    for (const name of ["dup2", "dup3"]) {
      assertDecides(name, {
        allowed: [[OTHER, 1], [12, OTHER], [9, 2]],
        refused: [...known, ...hidden].map((fd): Args => [OTHER, fd]),
      });
    }
    assertDecides("close", {
      allowed: [[OTHER], [1]],
      refused: [...known, ...hidden].map((fd): Args => [fd]),
    });
  });

  Deno.test(`${architecture}: a socket of the internet stays connected to whom it is`, () => {
    const filter = filterOf(architecture, { connected: [OTHER] });
    const [refused, allowed]: Args[][] = [[[OTHER], [7]], [[0], [1]]];
    for (const name of ["connect", "sendto", "dup"]) {
      assertDecides(name, { allowed, refused }, filter);
    }
    for (const name of ["dup2", "dup3"]) {
      assertDecides(name, { allowed: [[1, 5]], refused: [[OTHER, 5]] }, filter);
    }
    assertDecides("fcntl", {
      allowed: [[OTHER, 3], [1, 0]],
      refused: [[OTHER, 0], [OTHER, 1030]],
    }, filter);
    for (const name of ["write", "writev", "close"]) {
      assertDecides(name, { allowed: [[OTHER]], refused: [[7]] }, filter);
    }
  });

  Deno.test(`${architecture}: bind only where an interface may be made anew`, () => {
    const refused: Args[] = [[0], [OTHER], [9], [10], [0xffffffff]];
    assertDecides("bind", { allowed: [[7], [21]], refused });
    assertDecides(
      "bind",
      { allowed: [[7]], refused: [...refused, [21]] },
      filterOf(architecture, { rebound: [7] }),
    );
    assertDecides(
      "bind",
      { allowed: [], refused: [...refused, [7], [21]] },
      filterOf(architecture, { rebound: [] }),
    );
  });

  Deno.test(`${architecture}: fchdir only to the directories of the reconnection`, () => {
    const refused: Args[] = [[0], [OTHER], [7], [0xffffffff], [0xffffff9c]];
    assertDecides("fchdir", { allowed: [[9], [10]], refused });
    assertDecides(
      "fchdir",
      { allowed: [], refused: [...refused, [9], [10]] },
      filterOf(architecture, { directories: [] }),
    );
  });

  Deno.test(`${architecture}: only files that are written anew can be cut`, () => {
    const refused: Args[] = [[0], [1], [2], [OTHER], [7], [9], [0xffffffff]];
    assertDecides("ftruncate", { allowed: [[12]], refused });
  });

  Deno.test(`${architecture}: a capture descriptor's options stay, but for promiscuity that was asked for`, () => {
    const SOL_PACKET = 263;
    assertDecides("setsockopt", {
      allowed: [],
      refused: [[7, SOL_PACKET, 1], [21, SOL_PACKET, 1]],
    }, filterOf(architecture, { joining: [] }));
    assertDecides("setsockopt", {
      allowed: [[7, SOL_PACKET, 1], [21, SOL_PACKET, 1]],
      refused: [
        [OTHER, SOL_PACKET, 1],
        // SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_MARK, SO_BINDTODEVICE
        ...[26, 27, 36, 25, 1].map((option): Args => [7, 1, option]),
        // PACKET_DROP_MEMBERSHIP, PACKET_TX_RING, PACKET_FANOUT
        ...[2, 13, 18].map((option): Args => [7, SOL_PACKET, option]),
      ],
    });
  });

  Deno.test(`${architecture}: stream sockets only if syslogd listens on one`, () => {
    const [UNIX, INET, STREAM, DGRAM, RAW] = [1, 2, 1, 2, 3];
    assertDecides(
      "socket",
      {
        allowed: [[UNIX, STREAM], [UNIX, DGRAM], [UNIX, STREAM | 0x80800]],
        refused: [[INET, STREAM], [INET, DGRAM], [UNIX, RAW]],
      },
      filterOf(architecture, { streams: true }),
    );
  });

  Deno.test(`${architecture}: sockets only of the kind that syslogd has`, () => {
    const [NONBLOCK, CLOEXEC] = [0x800, 0x80000];
    const refused: Args[] = [];
    for (let family = 0; family < 50; family++) {
      for (let type = 0; type < 16; type++) {
        if (family !== 1 || type !== 2) refused.push([family, type | CLOEXEC]);
      }
    }
    assertDecides("socket", {
      allowed: [[1, 2], [1, 2 | NONBLOCK | CLOEXEC]],
      refused,
    });
  });

  Deno.test(`${architecture}: clone makes threads only`, () => {
    // glibc's flags for a thread, for fork and for posix_spawn.
    assertDecides("clone", {
      allowed: [[0x3d0f00], [0x10000]],
      refused: [
        [0x1200011],
        [0x4111],
        [0],
        [0x7e020000],
        [0x1_0001_0000n & ~0x10000n],
        // A thread in a namespace of its own: NEWNS, NEWUSER, NEWNET; PTRACE
        ...[0x20000, 0x10000000, 0x40000000, 0x2000].map((flag): Args => [
          0x3d0f00 | flag,
        ]),
      ],
    });
  });

  Deno.test(`${architecture}: executable memory only where no file is behind it`, () => {
    const [READ, EXEC] = [1, 4];
    const [SHARED, PRIVATE, SHARED_VALIDATE, ANONYMOUS] = [1, 2, 3, 0x20];
    assertDecides("mmap", {
      allowed: [
        [0, 4096, READ, PRIVATE, OTHER],
        [0, 4096, READ, PRIVATE | ANONYMOUS],
        [0, 4096, READ, SHARED | ANONYMOUS],
        [0, 4096, READ | EXEC, PRIVATE | ANONYMOUS],
      ],
      refused: [
        // What is written there would go past O_APPEND.
        [0, 4096, READ, SHARED, OTHER],
        [0, 4096, READ, SHARED_VALIDATE, OTHER],
        [0, 4096, EXEC, PRIVATE, OTHER],
        [0, 4096, READ | EXEC, PRIVATE, OTHER],
        [0, 4096, READ | EXEC, 1, CAPTURE[0]],
      ],
    });
  });

  Deno.test(`${architecture}: signals, limits, prctl and ioctl reach nobody else`, () => {
    assertDecides("tgkill", {
      allowed: [[PID, PID, 15], [PID, PID + 1, 15]],
      refused: [[PID + 1, PID + 1, 9], [1, 1, 9], [0, 0, 9]],
    });
    assertDecides("prlimit64", {
      allowed: [[0, 7, 0, 4096]],
      refused: [
        ...[[0, 7, 4096, 0], [PID, 7, 0, 4096], [1, 7, 0, 4096]],
        // A pointer whose lower half is zero is no null pointer.
        [0, 7, 0x7f00_0000_0000, 0],
      ],
    });
    assertDecides("prctl", {
      allowed: [[15], [0x53564d41]],
      // PDEATHSIG, DUMPABLE, KEEPCAPS, SECCOMP, CAPBSET, PTRACER, MM, AMBIENT
      refused: [1, 4, 8, 22, 24, 0x59616d61, 35, 47].map((option) => [option]),
    });
    assertDecides("ioctl", {
      allowed: [[OTHER, 0x5401], [7, 0x8913], [OTHER, 0x541b]],
      // TIOCSTI, TIOCSETD, SIOCSIFFLAGS, SIOCSIFADDR, TUNSETIFF, FIOASYNC
      refused: [0x5412, 0x5423, 0x8914, 0x8916, 0x400454ca, 0x5452]
        .map((request): Args => [7, request]),
    });
  });
}

Deno.test({
  name: "more interfaces than a filter can name are refused at once",
  ignore: Deno.build.os !== "linux",
  fn() {
    const options = parseCommandLine(["-o", "stdout"]);
    const capture = (count: number) => {
      const descriptors = Array.from({ length: count }, (_, i) => 100 + i);
      return { descriptors, rebound: descriptors };
    };
    checkTarget({ ...options, trial: true }, capture(330));
    assertThrows(
      () => checkTarget({ ...options, trial: true }, capture(440)),
      Failure,
      "no system call filter for 440 capture descriptors",
    );
  },
});
