/**
 * Numbers of Linux's headers, the same on x86-64 and arm64. Each stands beside
 * the header that it comes from.
 *
 * @module
 */

// bits/socket.h, bits/socket_type.h
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0x80000;
export const SOCK_NONBLOCK = 0x800;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;

// asm-generic/socket.h
export const SOL_SOCKET = 1;
export const SO_ERROR = 4;
export const SO_PASSCRED = 16;
export const SO_ATTACH_FILTER = 26;
export const SO_LOCK_FILTER = 44;
export const SO_ATTACH_BPF = 50;

// linux/if_ether.h
export const ETH_P_ALL = 0x0003;
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_8021AD = 0x88a8;

// linux/if_packet.h
export const SOL_PACKET = 263;
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_RX_RING = 5;
export const PACKET_STATISTICS = 6;
export const PACKET_VERSION = 10;
export const PACKET_IGNORE_OUTGOING = 23;
export const PACKET_MR_PROMISC = 1;
export const TPACKET_V3 = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

// bits/mman-linux.h
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MADV_DONTNEED = 4;

// bits/mman-shared.h
export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;

// bits/poll.h
export const POLLIN = 0x001;
export const POLLERR = 0x008;

// bits/fcntl-linux.h
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 0x0001;
export const F_SEAL_SHRINK = 0x0002;
export const F_SEAL_GROW = 0x0004;
export const F_SEAL_WRITE = 0x0008;
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_DIRECTORY_X86 = 0x10000;
export const O_DIRECTORY_ARM = 0x4000;
export const O_NOFOLLOW_X86 = 0x20000;
export const O_NOFOLLOW_ARM = 0x8000;
export const O_CLOEXEC = 0x80000;
export const O_PATH = 0x200000;
export const O_WRONLY = 1;
export const O_CREAT = 0x40;
export const O_EXCL = 0x80;
export const O_NOCTTY = 0x100;
export const O_APPEND = 0x400;
export const O_NONBLOCK = 0x800;
export const AT_FDCWD = -100;
export const O_ACCMODE = 3;
export const F_GETFD = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const FD_CLOEXEC = 1;

// bits/time.h
export const CLOCK_REALTIME = 0;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_BOOTTIME = 7;
/** unistd.h: an offset from the end of a file. */
export const SEEK_END = 2;
