/**
 * The C library. The only place that opens it.
 *
 * @module
 */

import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "./linux.ts";

/** Functions of POSIX, which other systems have as well. */
const POSIX_SYMBOLS = {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  // ssize_t send(int sockfd, const void *buf, size_t len, int flags);
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // ssize_t recv(int sockfd, void *buf, size_t len, int flags);
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int openat(int dirfd, const char *pathname, int flags, ...);
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: {
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  // int mprotect(void *addr, size_t len, int prot);
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // int munmap(void *addr, size_t length);
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // struct if_nameindex *if_nameindex(void);
  if_nameindex: { parameters: [], result: "pointer" },
  // void if_freenameindex(struct if_nameindex *ptr);
  if_freenameindex: { parameters: ["pointer"], result: "void" },
  // int gethostname(char *name, size_t len);
  gethostname: { parameters: ["buffer", "usize"], result: "i32" },
  // uid_t geteuid(void);
  geteuid: { parameters: [], result: "u32" },
  // struct passwd *getpwnam(const char *name);
  getpwnam: { parameters: ["buffer"], result: "pointer" },
  // struct passwd *getpwuid(uid_t uid);
  getpwuid: { parameters: ["u32"], result: "pointer" },
  // struct group *getgrgid(gid_t gid);
  getgrgid: { parameters: ["u32"], result: "pointer" },
  // char *mkdtemp(char *template);
  mkdtemp: { parameters: ["buffer"], result: "pointer" },
  // int chmod(const char *pathname, mode_t mode);
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  // int access(const char *pathname, int mode);
  access: { parameters: ["buffer", "i32"], result: "i32" },
  // int unlink(const char *pathname);
  unlink: { parameters: ["buffer"], result: "i32" },
  // int unlinkat(int dirfd, const char *pathname, int flags);
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int kill(pid_t pid, int sig);
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // int rmdir(const char *pathname);
  rmdir: { parameters: ["buffer"], result: "i32" },
  // int chdir(const char *path);
  chdir: { parameters: ["buffer"], result: "i32" },
  // int pipe(int pipefd[2]);
  pipe: { parameters: ["buffer"], result: "i32" },
  // int fchdir(int fd);
  fchdir: { parameters: ["i32"], result: "i32" },
  // int chroot(const char *path);
  chroot: { parameters: ["buffer"], result: "i32" },
  // int setgroups(size_t size, const gid_t *list);
  setgroups: { parameters: ["usize", "pointer"], result: "i32" },
  // void (*signal(int signum, void (*handler)(int)))(int);
  signal: { parameters: ["i32", "usize"], result: "usize" },
  // int sigprocmask(int how, const sigset_t *set, sigset_t *oldset);
  sigprocmask: { parameters: ["i32", "buffer", "pointer"], result: "i32" },
  // int getpid(void);
  getpid: { parameters: [], result: "i32" },
  // int getrlimit(int resource, struct rlimit *rlim);
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *rlim);
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // void *memcpy(void *dest, const void *src, size_t n);
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
  // FILE *fmemopen(void *buf, size_t size, const char *mode);
  fmemopen: { parameters: ["buffer", "usize", "buffer"], result: "pointer" },
  // int fseek(FILE *stream, long offset, int whence);
  fseek: { parameters: ["pointer", "i64", "i32"], result: "i32" },
  // long ftell(FILE *stream);
  ftell: { parameters: ["pointer"], result: "i64" },
  // int fflush(FILE *stream);
  fflush: { parameters: ["pointer"], result: "i32" },
  // char *getenv(const char *name);
  getenv: { parameters: ["buffer"], result: "pointer" },
  // ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  // int flock(int fd, int operation);
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // int ftruncate(int fd, off_t length);
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  // int isatty(int fd);
  isatty: { parameters: ["i32"], result: "i32" },
  // int dup2(int oldfd, int newfd);
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  // int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions,
  //   const posix_spawnattr_t *attrp, char *const argv[], char *const envp[]);
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  // int posix_spawn_file_actions_init(posix_spawn_file_actions_t *file_actions);
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *file_actions,
  //   int fildes, const char *path, int oflag, mode_t mode);
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  // int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *file_actions,
  //   int fildes, int newfildes);
  posix_spawn_file_actions_adddup2: {
    parameters: ["buffer", "i32", "i32"],
    result: "i32",
  },
  // int posix_spawnattr_init(posix_spawnattr_t *attr);
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags);
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  // struct tm *localtime_r(const time_t *timep, struct tm *result);
  localtime_r: { parameters: ["buffer", "buffer"], result: "pointer" },
  // mode_t umask(mode_t mask);
  umask: { parameters: ["u32"], result: "u32" },
  // int mkdir(const char *pathname, mode_t mode);
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  // char *strerror(int errnum);
  strerror: { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Functions of Linux alone. */
const LINUX_SYMBOLS = {
  // ssize_t getdents64(int fd, void *dirp, size_t count);
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int tgkill(pid_t tgid, pid_t tid, int sig);
  tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int setresgid(gid_t rgid, gid_t egid, gid_t sgid);
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int setresuid(uid_t ruid, uid_t euid, uid_t suid);
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int prctl(int option, ...);
  prctl: {
    parameters: ["i32", "usize", "usize", "usize", "usize"],
    result: "i32",
  },
  // long syscall(long number, ...);
  syscall: {
    parameters: ["usize", "usize", "usize", "buffer"],
    result: "isize",
  },
  // The same function, for arguments that are numbers only.
  syscallOfNumbers: {
    name: "syscall",
    parameters: ["usize", "usize", "usize", "usize", "usize", "usize", "usize"],
    result: "isize",
  },
  // ssize_t readlinkat(int dirfd, const char *pathname, char *buf, size_t bufsiz);
  readlinkat: {
    parameters: ["i32", "buffer", "buffer", "usize"],
    result: "isize",
  },
  // int fstatfs(int fd, struct statfs *buf);
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf);
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  // int fcntl(int fd, int op, ...);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int memfd_create(const char *name, unsigned int flags);
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  // int bpf(int cmd, union bpf_attr *attr, unsigned int size), which the C library lacks;
  // its number comes first.
  bpf: {
    name: "syscall",
    parameters: ["usize", "usize", "buffer", "usize"],
    result: "isize",
  },
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // int malloc_trim(size_t pad);
  malloc_trim: { parameters: ["usize"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * The C library's functions. Those of Linux are missing elsewhere; what calls
 * them is only reached there.
 */
export type Libc =
  & Deno.DynamicLibrary<typeof POSIX_SYMBOLS>["symbols"]
  & Deno.DynamicLibrary<typeof LINUX_SYMBOLS>["symbols"];

let opened: Libc | undefined;
let errnoView: Int32Array<ArrayBuffer> | undefined;

/** Opens the C library at its first use. */
export function libc(): Libc {
  return opened ??= Deno.build.os === "linux"
    ? openLinuxLibc()
    : openOtherLibc();
}

function openLinuxLibc(): Libc {
  const all = { ...POSIX_SYMBOLS, ...LINUX_SYMBOLS };
  const symbols = openLazily("libc.so.6", all);
  // Blocking calls all run on this thread, so its errno never moves.
  const location = symbols.__errno_location();
  if (location !== null) {
    errnoView = new Int32Array(
      Deno.UnsafePointerView.getArrayBuffer(location, 4),
    );
  }
  return symbols;
}

function openOtherLibc(): Libc {
  const name = Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so";
  return openLazily(name, POSIX_SYMBOLS) as Libc;
}

/**
 * Opens each function when it is used first: Deno compiles a caller for it,
 * which takes a quarter of a millisecond, and most starts need a few only.
 */
function openLazily<Symbols extends Deno.ForeignLibraryInterface>(
  name: string,
  definitions: Symbols,
): Deno.DynamicLibrary<Symbols>["symbols"] {
  const symbols = {};
  for (const symbol of Object.keys(definitions)) {
    const get = () => {
      const before = errno();
      const library = Deno.dlopen(name, { [symbol]: definitions[symbol] });
      errnoView?.fill(before);
      const value = library.symbols[symbol];
      Object.defineProperty(symbols, symbol, { value });
      return value;
    };
    Object.defineProperty(symbols, symbol, { get, configurable: true });
  }
  return symbols as Deno.DynamicLibrary<Symbols>["symbols"];
}

// errno values of asm-generic/errno-base.h and errno.h.
/** Operation not permitted. */
export const EPERM = 1;
/** No such file or directory. */
export const ENOENT = 2;
/** No such device or address: a pipe without a reader. */
export const ENXIO = 6;
/** Try again: it would have to wait. */
export const EAGAIN = 11;
/** Permission denied. */
export const EACCES = 13;
/** No buffer space available. */
export const ENOBUFS = 105;
/** Message too long. */
export const EMSGSIZE = 90;
/** Connection refused. */
export const ECONNREFUSED = 111;

/**
 * The C library's error number. The runtime runs between two calls and may
 * change it, so an unexpected value must not decide anything that matters.
 */
export function errno(): number {
  return errnoView?.[0] ?? 0;
}

/** Forgets the C library's error number. */
export function clearErrno(): void {
  errnoView?.fill(0);
}

/** The C library's words for an error number. */
export function describeErrno(number: number): string {
  const text = libc().strerror(number);
  return text === null
    ? `error ${number}`
    : Deno.UnsafePointerView.getCString(text);
}

/** A call to the C library that failed. */
export class SystemError extends Error {
  override name = "SystemError";
  /** The error number. */
  readonly errno: number;

  constructor(call: string, number: number) {
    super(`${call}: ${describeErrno(number)}`);
    this.errno = number;
  }
}

/**
 * Passes on the result of a call that returns a negative number on failure.
 *
 * @throws {SystemError} If it failed.
 */
export function checked<T extends number | bigint>(result: T, call: string): T {
  if (result < 0) throw new SystemError(call, errno());
  return result;
}

const encoder = new TextEncoder();

/** A string as C wants it: UTF-8, ended by a zero byte. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text + "\0");
}

/** An interface of this host's network namespace. */
export interface NetworkInterface {
  /** Its number. */
  index: number;
  /** Its name. */
  name: string;
}

/** The interfaces there are at the moment. */
export function networkInterfaces(): NetworkInterface[] {
  const list = libc().if_nameindex();
  if (list === null) throw new SystemError("if_nameindex", errno());
  const view = new Deno.UnsafePointerView(list);
  const found: NetworkInterface[] = [];
  // struct if_nameindex: unsigned int if_index, char *if_name; ends with 0.
  for (let at = 0; view.getUint32(at) !== 0; at += 16) {
    const name = view.getPointer(at + 8);
    if (name === null) break;
    found.push({
      index: view.getUint32(at),
      name: Deno.UnsafePointerView.getCString(name),
    });
  }
  libc().if_freenameindex(list);
  return found;
}

/** This host's name. */
export function hostName(): string {
  const name = new Uint8Array(256); // HOST_NAME_MAX is 64
  checked(libc().gethostname(name, BigInt(name.length - 1)), "gethostname");
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}

/** A variable of the environment; undefined if it is not set. */
export function environment(name: string): string | undefined {
  const value = libc().getenv(cString(name));
  return value === null ? undefined : Deno.UnsafePointerView.getCString(value);
}

/**
 * Reads a file of /proc/self.
 *
 * @throws {SystemError} If it cannot be read.
 */
export function readOwnProc(name: string): string {
  return readProc(`self/${name}`);
}

/**
 * Reads a file of /proc: the runtime asks for all permissions there.
 *
 * @throws {SystemError} If it cannot be read.
 */
export function readProc(name: string): string {
  const path = `/proc/${name}`;
  const fd = checked(
    libc().openat(AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0),
    `open ${path}`,
  );
  const chunk = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const length = Number(libc().read(fd, chunk, BigInt(chunk.length)));
    if (length <= 0) break;
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
  libc().close(fd);
  return text;
}

/** What a descriptor of this process refers to; undefined if it is closed. */
export function describeDescriptor(fd: number): string | undefined {
  return readLink(`/proc/self/fd/${fd}`);
}

/**
 * What a symbolic link points to; undefined if it is none. The runtime would
 * ask for all permissions in /dev and /proc.
 */
export function readLink(path: string): string | undefined {
  const target = new Uint8Array(4096); // PATH_MAX
  const length = Number(
    libc().readlink(cString(path), target, BigInt(target.length)),
  );
  return length < 0
    ? undefined
    : new TextDecoder().decode(target.subarray(0, length));
}
