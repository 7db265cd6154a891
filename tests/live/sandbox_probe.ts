/**
 * Stands for our program taken over by an attacker: it opens what main.ts opens,
 * enters the sandbox, tries what it should not be able to do, and then what must
 * go on working.
 *
 *     sandbox_probe.ts attempts|control|allowed [OPTIONS of scanlogd]
 *
 * Each attempt is one line of JSON on standard output. "control" gives up the
 * same privileges but installs no system call filter: it shows which attempts
 * would succeed without.
 *
 * @module
 */

import { type LiveCapture, openLive } from "../../capture/live.ts";
import { captureKind } from "../../daemon/combinations.ts";
import { parseCommandLine } from "../../daemon/command_line.ts";
import { configureDiagnostics, logInfo } from "../../daemon/diagnostics.ts";
import { MetricsFile } from "../../daemon/metrics.ts";
import { dropPrivileges, resolveTarget } from "../../daemon/privileges.ts";
import { enterSandbox } from "../../daemon/sandbox.ts";
import type { Outputs } from "../../daemon/outputs.ts";
import { openOutputs } from "../../daemon/sinks.ts";
import { ThreadDirectory } from "../../daemon/threads.ts";
import { keepDescriptor } from "../../ffi/descriptors.ts";
import { cString, errno, libc, readLink } from "../../ffi/libc.ts";

/** What came of an attempt. */
export interface Outcome {
  /** What was tried. */
  name: string;
  /** What the kernel returned. */
  result: number;
  /** The error number if that is -1, else 0. */
  errno: number;
}

const SYMBOLS = {
  // long syscall(long number, ...);
  syscall: {
    parameters: [
      ...["i64", "i64", "i64", "i64", "i64", "i64", "i64"] as const,
    ],
    result: "i64",
  },
} as const satisfies Deno.ForeignLibraryInterface;
const SLEEP = {
  // int usleep(useconds_t usec);
  usleep: { parameters: ["u32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

type Syscall = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]["syscall"];
type Argument = number | bigint | string | Uint8Array<ArrayBuffer>;
type Call = [name: string, x86_64: number, aarch64: number, ...Argument[]];

/** No such call on this architecture. */
const NONE = -1;
const AT_FDCWD = -100;
const O_RDONLY = 0;
const O_PATH = 0x200000;
const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET] = [1, 2, 10, 16, 17];
const [SOL_SOCKET, SOL_PACKET] = [1, 263];

const [mode, ...args] = Deno.args;
const kept: Uint8Array[] = [];

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  kept.push(bytes);
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)) as bigint;
}

function toNumber(argument: Argument): bigint {
  if (typeof argument === "string") return addressOf(cString(argument));
  if (argument instanceof Uint8Array) return addressOf(argument);
  return BigInt(argument);
}

/** A socket address of an IPv4 port on this host. */
function ipv4Address(port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1]);
  return address;
}

/** Through which interface a packet socket is to send: loopback. */
function linkAddress(): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(20);
  address.set([AF_PACKET, 0, 0x08, 0x00, 1, 0, 0, 0]);
  return address;
}

function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([AF_UNIX, 0, ...new TextEncoder().encode(path), 0]);
}

/** struct msghdr with the capture descriptor as SCM_RIGHTS. */
function handOver(fd: number): Uint8Array<ArrayBuffer> {
  const control = new Uint8Array(24);
  const view = new DataView(control.buffer);
  view.setBigUint64(0, 20n, true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, 1, true);
  view.setInt32(16, fd, true);
  const header = new Uint8Array(56);
  const fields = new DataView(header.buffer);
  fields.setBigUint64(32, addressOf(control), true);
  fields.setBigUint64(40, 24n, true);
  return header;
}

/** struct iovec of a few bytes. */
function vector(): Uint8Array<ArrayBuffer> {
  const view = new BigUint64Array([addressOf(new Uint8Array(64)), 64n]);
  return new Uint8Array(view.buffer);
}

/** What there was before the sandbox, for attempts that need it. */
interface Loot {
  capture: number;
  directory: number;
  home: number;
  /** /proc, opened for reading. */
  proc: number;
  /** An executable file, opened for reading. */
  file: number;
  /** A TCP socket that is connected to nobody. */
  tcp: number;
  /** The datagram socket of the log. */
  log: number;
  /** What asks the kernel for this host's addresses. */
  netlink: number;
  /** The file of counters, which is cut to its length. */
  metrics: number;
  /** Where syslogd's socket really is. */
  socket: string;
}

/** RTM_NEWLINK of the first interface, which is to go down (rtnetlink(7)). */
function interfaceDown(): Uint8Array<ArrayBuffer> {
  const [RTM_NEWLINK, NLM_F_REQUEST, LOOPBACK, IFF_UP] = [16, 1, 1, 1];
  const message = new DataView(new ArrayBuffer(32));
  message.setUint32(0, message.byteLength, true);
  message.setUint16(4, RTM_NEWLINK, true);
  message.setUint16(6, NLM_F_REQUEST, true);
  message.setInt32(20, LOOPBACK, true);
  message.setUint32(28, IFF_UP, true); // ifi_change; ifi_flags stays 0
  return new Uint8Array(message.buffer);
}

/** The last socket of the kind that is open. */
function findNetlink(): number {
  const domain = new Int32Array(1);
  for (let fd = 255; fd > 0; fd--) {
    libc().getsockopt(fd, SOL_SOCKET, 39, domain, Uint32Array.of(4));
    if (domain[0] === AF_NETLINK) return fd;
  }
  throw new Error("no netlink socket");
}

function attempts(loot: Loot): Call[] {
  const { capture, directory, home, proc, file, tcp, log, netlink } = loot;
  const { metrics, socket } = loot;
  const above = unixAddress(`../${socket.split("/").slice(-2).join("/")}`);
  const buffer = new Uint8Array(512);
  const frame = new Uint8Array(64).fill(0x45);
  const filter = new Uint8Array(16);
  const four = new Uint8Array(4);
  const { pid, ppid } = Deno;
  const attach = (option: number, level = SOL_SOCKET): Argument[] => [
    ...[capture, level, option, filter, 16],
  ];
  return [
    ["open /", 2, NONE, "/", O_RDONLY],
    ["openat /", 257, 56, AT_FDCWD, "/", O_RDONLY],
    ["openat2 /", 437, 437, AT_FDCWD, "/", new Uint8Array(24), 24],
    ["creat a file", 85, NONE, "file", 0o600],
    ["open .. of the kept directory", 257, 56, directory, "..", O_RDONLY],
    ["open the kept directory", 257, 56, directory, ".", O_PATH],
    ["open in /proc", 257, 56, proc, "self/mem", 2],
    ["open_tree", 428, 428, directory, "", 0x1000],
    ["list /proc", 217, 61, proc, buffer, 512],
    ["stat /", 4, NONE, "/", buffer],
    ["newfstatat /", 262, 79, AT_FDCWD, "/", buffer, 0],
    ["stat beside the kept directory", 262, 79, directory, "../etc", buffer, 0],
    ["statx /", 332, 291, AT_FDCWD, "/", 0, 0xfff, buffer],
    ["statfs /", 137, 43, "/", buffer],
    ["access /", 21, NONE, "/", 0],
    ["faccessat /", 269, 48, AT_FDCWD, "/", 0, 0],
    ["readlink", 89, NONE, "/link", buffer, 512],
    ["readlinkat self", 267, 78, proc, "self", buffer, 512],
    ["chdir", 80, 49, "/"],
    ["chroot", 161, 51, "."],
    ["fchdir to another directory", 81, 50, proc],
    ["fchdir back", 81, 50, home],
    ["fchdir to the kept directory", 81, 50, directory],
    ["connect above the kept directory", 42, 203, log, above, above.length],
    ["open where syslogd is", 257, 56, AT_FDCWD, ".", O_RDONLY],
    ["stat where syslogd is", 262, 79, AT_FDCWD, "log", buffer, 0],
    ["unlink the log's socket", 87, NONE, "log"],
    ["unlinkat the log's socket", 263, 35, AT_FDCWD, "log", 0],
    ["execute where syslogd is", 59, 221, "./program", 0, 0],
    ["fchdir home", 81, 50, home],
    ["link", 86, NONE, "a", "b"],
    ["linkat a descriptor", 265, 37, file, "", AT_FDCWD, "b", 0x1000],
    ["rename", 82, NONE, "a", "b"],
    ["renameat2", 316, 276, AT_FDCWD, "a", AT_FDCWD, "b", 0],
    ["mkdir", 83, NONE, "d", 0o700],
    ["mkdirat", 258, 34, AT_FDCWD, "d", 0o700],
    ["rmdir", 84, NONE, "d"],
    ["symlink", 88, NONE, "/etc", "s"],
    ["chmod", 90, NONE, "/", 0o777],
    ["fchmodat", 268, 53, AT_FDCWD, "/", 0o777],
    ["chown", 92, NONE, "/", 0, 0],
    ["truncate", 76, 45, "/file", 0],
    ["mknod", 133, NONE, "node", 0o20666, 0x103],
    ["setxattr", 188, 5, "/", "user.a", "b", 1, 0],
    ["name_to_handle_at", 303, 264, proc, "self", buffer, four, 0],
    ["open_by_handle_at", 304, 265, proc, buffer, O_RDONLY],
    ["execve", 59, 221, "/bin/sh", 0, 0],
    ["execveat a descriptor", 322, 281, file, "", 0, 0, 0x1000],
    ["memfd_create", 319, 279, "program", 0],
    ["map a file for execution", 9, 222, 0, 4096, 5, 2, file, 0],

    ["socket(AF_INET, SOCK_STREAM)", 41, 198, AF_INET, 1, 0],
    ["socket(AF_INET, SOCK_DGRAM)", 41, 198, AF_INET, 2, 0],
    ["socket(AF_INET6, SOCK_STREAM)", 41, 198, AF_INET6, 1, 0],
    ["socket(AF_NETLINK)", 41, 198, AF_NETLINK, 3, 0],
    ["socket(AF_PACKET)", 41, 198, AF_PACKET, 2, 0],
    ["socket(AF_UNIX, SOCK_STREAM)", 41, 198, AF_UNIX, 1, 0],
    ["socket(AF_UNIX, SOCK_SEQPACKET)", 41, 198, AF_UNIX, 5, 0],
    ["socketpair", 53, 199, AF_UNIX, 2, 0, new Uint8Array(8)],
    ["bind a TCP socket", 49, 200, tcp, ipv4Address(9229), 16],
    ["listen", 50, 201, tcp, 1],
    ["accept", 43, 202, tcp, 0, 0],
    ["bind a Unix socket", 49, 200, log, unixAddress("x"), 4],
    ["bind an abstract Unix socket", 49, 200, log, unixAddress("\0x"), 4],

    [
      "sendto through the capture",
      44,
      206,
      capture,
      frame,
      64,
      0,
      linkAddress(),
      20,
    ],
    ["write through the capture", 1, 64, capture, frame, 64],
    ["writev through the capture", 20, 66, capture, vector(), 1],
    ["sendmsg through the capture", 46, 211, capture, new Uint8Array(56), 0],
    [
      "sendmmsg through the capture",
      307,
      269,
      capture,
      new Uint8Array(64),
      1,
      0,
    ],
    ["sendfile through the capture", 40, 71, capture, file, 0, 64],
    ["splice through the capture", 275, 76, file, 0, capture, 0, 64, 0],
    ["pwrite64 through the capture", 18, 68, capture, frame, 64, 0],
    ["interface down", 44, 206, netlink, interfaceDown(), 32, 0, 0, 0],
    ["connect the capture", 42, 203, capture, linkAddress(), 20],
    ["dup of the capture", 32, 23, capture],
    ["dup2 of the capture", 33, NONE, capture, 900],
    ["dup3 of the capture", 292, 24, capture, 901, 0],
    ["dup3 over the capture", 292, 24, log, capture, 0],
    ["fcntl(F_DUPFD) of the capture", 72, 25, capture, 0, 0],
    ["fcntl(F_SETFL) of a file", 72, 25, file, 4, 0],
    ["fcntl(F_DUPFD_CLOEXEC) of the capture", 72, 25, capture, 1030, 0],
    ["close of the capture", 3, 57, capture],
    ["ftruncate of another file", 77, 46, 2, 0],
    ["dup2 over a file that is cut", 33, NONE, log, metrics],
    ["dup3 over a file that is cut", 292, 24, log, metrics, 0],
    ["close of a file that is cut", 3, 57, metrics],
    ["dup3 over the kept directory", 292, 24, proc, directory, 0],
    ["close of the kept directory", 3, 57, directory],
    ["map a file for writing", 9, 222, 0, 4096, 3, 1, file, 0],
    ["the capture for another process", 46, 211, log, handOver(capture), 0],
    ["another process's copy of the capture", 438, 438, proc, capture, 0],
    ["SO_ATTACH_FILTER", 54, 208, ...attach(26)],
    ["SO_DETACH_FILTER", 54, 208, ...attach(27)],
    ["SO_ATTACH_BPF", 54, 208, ...attach(50)],
    ["SO_LOCK_FILTER", 54, 208, ...attach(44)],
    ["bind of the capture", 49, 200, capture, linkAddress(), 20],
    ["PACKET_ADD_MEMBERSHIP", 54, 208, ...attach(1, SOL_PACKET)],
    ["PACKET_DROP_MEMBERSHIP", 54, 208, ...attach(2, SOL_PACKET)],
    ["PACKET_TX_RING", 54, 208, ...attach(13, SOL_PACKET)],
    ["PACKET_FANOUT", 54, 208, ...attach(18, SOL_PACKET)],
    ["SIOCSIFFLAGS", 16, 29, capture, 0x8914, buffer],
    ["TIOCSTI", 16, 29, 0, 0x5412, four],

    ["fork", 57, NONE],
    ["vfork", 58, NONE],
    ["clone of a process", 56, 220, 17, 0, 0, 0, 0],
    ["clone3", 435, 435, new Uint8Array(88), 88],
    ["unshare", 272, 97, 0],
    ["setns", 308, 268, proc, 0],
    ["mount", 165, 40, "none", "/", "tmpfs", 0, 0],
    ["umount2", 166, 39, "/", 2],
    ["pivot_root", 155, 41, ".", "."],
    ["ptrace", 101, 117, 16, 999_999_999, 0, 0],
    ["process_vm_readv", 310, 270, pid, vector(), 1, vector(), 1, 0],
    ["process_vm_writev", 311, 271, pid, vector(), 1, vector(), 1, 0],
    ["kill", 62, 129, pid, 0],
    ["kill of the parent", 62, 129, ppid, 0],
    ["tgkill of another process", 234, 131, 999_999_999, 999_999_999, 9],
    ["tkill", 200, 130, pid, 0],
    ["pidfd_open", 434, 434, pid, 0],
    ["prlimit64 of another process", 302, 261, pid, 7, 0, buffer],
    ["prlimit64 to another limit", 302, 261, 0, 7, new Uint8Array(16), 0],
    ["setrlimit", 160, 164, 4, new Uint8Array(16)],
    ["setpriority", 141, 140, 0, 0, 19],
    ["setuid", 105, 146, 620],
    ["setresuid", 117, 147, 620, 620, 620],
    ["setgroups", 116, 159, 0, 0],
    ["capset", 126, 91, new Uint8Array(8), new Uint8Array(24)],
    ["prctl(PR_SET_DUMPABLE)", 157, 167, 4, 1, 0, 0, 0],
    ["prctl(PR_SET_PTRACER)", 157, 167, 0x59616d61, 1, 0, 0, 0],
    ["seccomp", 317, 277, 2, 0, four],
    ["personality", 135, 92, 0xffffffff],

    ["io_uring_setup", 425, 425, 1, new Uint8Array(120)],
    ["io_uring_enter", 426, 426, log, 0, 0, 0, 0, 0],
    ["io_uring_register", 427, 427, log, 0, 0, 0],
    ["bpf", 321, 280, 0, new Uint8Array(128), 128],
    ["userfaultfd", 323, 282, 1],
    ["perf_event_open", 298, 241, new Uint8Array(128), 0, -1, -1, 0],
    ["keyctl", 250, 219, 0, -4, 1],
    ["add_key", 248, 217, "user", "a", "b", 1, -4],
    ["io_setup", 206, 0, 1, new Uint8Array(8)],
    ["getpid of x32", 0x40000027, NONE],
    ["open of x32", 0x40000002, NONE, "/", O_RDONLY],
    ["execve of x32", 0x40000208, NONE, "/bin/sh", 0, 0],
  ];
}

/** Attempts after which there would be two of us, or another one. */
const NOT_FOR_CONTROL = [
  ...["fork", "vfork", "clone of a process", "execve", "clone3", "chroot"],
  ...["accept"],
  ...["execveat a descriptor", "execute where syslogd is", "execve of x32"],
  ...[
    "close of the capture",
    "dup3 over the capture",
    "prlimit64 to another limit",
  ],
];

function tell(line: unknown): void {
  Deno.stdout.writeSync(
    new TextEncoder().encode(JSON.stringify(line) + "\n"),
  );
}

function openForReading(path: string): number {
  return libc().openat(AT_FDCWD, cString(path), O_RDONLY, 0);
}

async function main(): Promise<void> {
  const options = parseCommandLine(args);
  configureDiagnostics(options);
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  const sleeper = Deno.dlopen("libc.so.6", SLEEP).symbols;
  const capture = await openLive({
    kind: captureKind(options),
    interfaces: options.interface,
    promiscuous: options.promiscuous,
    evidence: true,
    portMemory: true,
    warn: logInfo,
  });
  const outputs = openOutputs(options);
  const rewritten = new MetricsFile(options.metrics ?? "").rewritten;
  const loot = {
    capture: capture.descriptors[0],
    proc: openForReading("/proc"),
    file: openForReading("/proc/self/exe"),
    tcp: libc().socket(AF_INET, 1, 0),
    log: keepDescriptor(libc().socket(AF_UNIX, 2, 0)),
    netlink: findNetlink(),
    metrics: rewritten[0],
    socket: readLink(options["syslog-socket"]) ?? "",
  };
  const hangups = countHangups();
  new Date(0).toString();
  await new Promise((done) => setTimeout(done, 10));
  let directories: readonly number[] = [];
  const settle = () => {
    const needs = outputs.settle();
    directories = needs.directories;
    return needs;
  };
  if (mode === "control") {
    const threads = new ThreadDirectory();
    dropPrivileges(
      resolveTarget({
        user: options.user,
        directory: options.chroot,
        mayReplaceUser: false,
        mayReplaceDirectory: false,
      }),
      threads,
    );
    settle();
  } else {
    enterSandbox(options, {
      capture,
      rewritten,
      settle,
      standIns: [],
    });
  }
  logInfo("in the sandbox");
  const [directory, home] = directories;
  if (mode === "allowed") {
    await tryAllowed(capture, outputs, sleeper.usleep, hangups);
  } else {
    for (const call of attempts({ ...loot, directory, home })) {
      attempt(call, symbols.syscall);
    }
  }
}

function attempt(
  [name, x86_64, aarch64, ...given]: Call,
  syscall: Syscall,
): void {
  const number = Deno.build.arch === "x86_64" ? x86_64 : aarch64;
  if (number === NONE) return;
  if (mode === "control" && NOT_FOR_CONTROL.includes(name)) return;
  const values = [number, ...given, 0, 0, 0, 0, 0, 0].slice(0, 7);
  const result = Number(
    syscall(...values.map(toNumber) as Parameters<Syscall>),
  );
  const outcome: Outcome = { name, result, errno: result < 0 ? errno() : 0 };
  tell(outcome);
}

function countHangups(): { count: number } {
  const hangups = { count: 0 };
  Deno.addSignalListener("SIGHUP", () => hangups.count++);
  return hangups;
}

/** Tells each thing once it has worked. */
async function tryAllowed(
  capture: LiveCapture,
  outputs: Outputs,
  sleep: (time: number) => Promise<number>,
  hangups: { count: number },
): Promise<void> {
  let packets = 0;
  const running = capture.run(() => packets++);
  if (countPrimes(200_000) === 17_984) tell("compile");
  if (new WebAssembly.Module(EMPTY_MODULE) instanceof WebAssembly.Module) {
    tell("WebAssembly");
  }
  await new Promise((done) => setTimeout(done, 20));
  tell("timers");
  if (await churn() > 0) tell("garbage collection");
  crypto.getRandomValues(new Uint8Array(16));
  tell("random numbers");
  // The runtime ends idle threads after 10 seconds and then starts new ones.
  if (await sleep(1000) === 0) tell("a thread");
  await new Promise((done) => setTimeout(done, 11_000));
  const sleeps = Array.from({ length: 8 }, () => sleep(50_000));
  if ((await Promise.all(sleeps)).every((result) => result === 0)) {
    tell("new threads");
  }
  outputs.note("before");
  while (hangups.count === 0) {
    await new Promise((done) => setTimeout(done, 5));
  }
  tell("signals");
  outputs.reopen();
  outputs.note("after");
  await outputs.finish();
  tell("log");
  capture.stop();
  await running;
  tell("capture");
}

/** Long enough for every compiler that the runtime has. */
function countPrimes(limit: number): number {
  const source = `let count = 0;
    outer: for (let n = 2; n < limit; n++) {
      for (let d = 2; d * d <= n; d++) if (n % d === 0) continue outer;
      count++;
    }
    return count;`;
  return new Function("limit", source)(limit);
}

/** Garbage of some 400 MB, of all sizes, some of which lives on for a while. */
async function churn(): Promise<number> {
  const living: unknown[] = [];
  for (let i = 0; i < 4000; i++) {
    living[i % 500] = [
      new Uint8Array(50_000 + i),
      Array.from({ length: 5000 }, (_, j) => ({ i, j })),
    ];
    if (i % 500 === 0) await new Promise((done) => setTimeout(done, 1));
  }
  return living.length;
}

/** The shortest module: magic and version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

if (import.meta.main) {
  await main();
  Deno.exit(0);
}
