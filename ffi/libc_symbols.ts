/**
 * The functions of the C library that the program calls, as its manual declares
 * them. A symbol costs nothing until it is used.
 *
 * @module
 */

/** Functions of POSIX, which other systems have as well. */
export const POSIX_SYMBOLS = {
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
  // int madvise(void *addr, size_t length, int advice);
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
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
export const LINUX_SYMBOLS = {
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
  // int open_tree(int dirfd, const char *filename, unsigned int flags), likewise.
  open_tree: {
    name: "syscall",
    parameters: ["usize", "isize", "buffer", "usize"],
    result: "isize",
  },
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // int malloc_trim(size_t pad);
  malloc_trim: { parameters: ["usize"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;
