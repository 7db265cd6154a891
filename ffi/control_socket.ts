/**
 * Messages with descriptors between processes of one user (unix(7)): a datagram
 * that carries a memory file with the text, and a pipe for the answer.
 *
 * @module
 */

import { checked, cString, libc } from "./libc.ts";
import {
  AF_UNIX,
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_PASSCRED,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "./linux.ts";
import { MAX_SOCKET_NAME } from "./unix_socket.ts";

/** struct msghdr, struct iovec, struct cmsghdr on 64-bit systems (bits/socket.h). */
const MSGHDR = 56;
const IOVEC = 16;
const CMSGHDR = 16;
/** struct ucred: pid_t pid, uid_t uid, gid_t gid (bits/types/struct_ucred.h). */
const UCRED = 12;
/** Room for the credentials and two descriptors, and for more, to refuse them. */
const CONTROL = 256;
const FD = 4;
const FAMILY_BYTES = 2;
/** A list of some million networks is shorter. */
const MAX_TEXT = 64 << 20;
const CHUNK = 1 << 16;

/** A message that has come. */
export interface ControlMessage {
  /** Who the kernel says has sent it; undefined: nobody said. */
  readonly uid: number | undefined;
  /** The descriptors that came along. */
  readonly descriptors: readonly number[];
}

/**
 * Binds a datagram socket that only its owner can write to.
 *
 * @returns Its descriptor.
 * @throws {SystemError} If the kernel refuses.
 */
export function bindControl(path: string): number {
  const fd = openSocket();
  const address = addressOf(path);
  // From the first moment on nobody else may connect to it.
  const mask = libc().umask(0o177);
  try {
    const one = Int32Array.of(1);
    checked(
      libc().setsockopt(fd, SOL_SOCKET, SO_PASSCRED, one, one.byteLength),
      "setsockopt(SO_PASSCRED)",
    );
    // Last: what fails after it would leave its name behind.
    checked(libc().bind(fd, address, address.length), "bind");
  } catch (error) {
    libc().close(fd);
    throw error;
  } finally {
    libc().umask(mask);
  }
  return fd;
}

/**
 * Connects to such a socket.
 *
 * @throws {SystemError} If nobody listens there.
 */
export function connectControl(path: string): number {
  const fd = openSocket();
  const address = addressOf(path);
  try {
    checked(libc().connect(fd, address, address.length), "connect");
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  return fd;
}

function openSocket(): number {
  return checked(
    libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
    "socket(AF_UNIX)",
  );
}

/**
 * Such a socket's address.
 *
 * @throws {Error} If the path is too long.
 */
export function addressOf(path: string): Uint8Array<ArrayBuffer> {
  const bytes = cString(path);
  if (bytes.length > MAX_SOCKET_NAME + 1) {
    throw new Error(
      `the path is ${
        bytes.length - 1
      } bytes long, at most ${MAX_SOCKET_NAME} are possible`,
    );
  }
  const address = new Uint8Array(FAMILY_BYTES + bytes.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, FAMILY_BYTES);
  return address;
}

/** A message's header, with room for what it points to. */
class Header {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(MSGHDR);
  readonly control: DataView<ArrayBuffer>;
  readonly #view = new DataView(this.bytes.buffer);
  /** Kept, since the kernel is given its address alone. */
  readonly #data = new Uint8Array(1);
  readonly #iovec = new DataView(new ArrayBuffer(IOVEC));

  constructor(controlLength: number) {
    this.control = new DataView(new ArrayBuffer(controlLength));
    this.#iovec.setBigUint64(0, addressIn(this.#data), true);
    this.#iovec.setBigUint64(8, 1n, true);
    this.#view.setBigUint64(16, addressIn(this.#iovec), true);
    this.#view.setBigUint64(24, 1n, true);
    this.#view.setBigUint64(32, addressIn(this.control), true);
    this.#view.setBigUint64(40, BigInt(controlLength), true);
  }

  get controlLength(): number {
    return Number(this.#view.getBigUint64(40, true));
  }
}

function addressIn(buffer: ArrayBufferView<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}

/**
 * Sends descriptors.
 *
 * @throws {SystemError} If the kernel refuses.
 */
export function sendDescriptors(fd: number, sent: readonly number[]): void {
  const length = CMSGHDR + sent.length * FD;
  const header = new Header((length + 7) & ~7);
  header.control.setBigUint64(0, BigInt(length), true);
  header.control.setInt32(8, SOL_SOCKET, true);
  header.control.setInt32(12, SCM_RIGHTS, true);
  for (const [i, one] of sent.entries()) {
    header.control.setInt32(CMSGHDR + FD * i, one, true);
  }
  checked(
    libc().sendmsg(fd, header.bytes, MSG_NOSIGNAL | MSG_DONTWAIT),
    "sendmsg",
  );
}

/** Takes a message off the socket; undefined if there is none. */
export function receiveControl(fd: number): ControlMessage | undefined {
  const header = new Header(CONTROL);
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
  if (libc().recvmsg(fd, header.bytes, flags) < 0n) return undefined;
  const { control } = header;
  const descriptors: number[] = [];
  let uid: number | undefined;
  for (let at = 0; at + CMSGHDR <= header.controlLength;) {
    const length = Number(control.getBigUint64(at, true));
    if (length < CMSGHDR || at + length > header.controlLength) break;
    const type = control.getInt32(at + 12, true);
    const isOurs = control.getInt32(at + 8, true) === SOL_SOCKET;
    if (isOurs && type === SCM_CREDENTIALS && length >= CMSGHDR + UCRED) {
      uid = control.getUint32(at + CMSGHDR + 4, true);
    }
    if (isOurs && type === SCM_RIGHTS) {
      for (let i = at + CMSGHDR; i + FD <= at + length; i += FD) {
        descriptors.push(control.getInt32(i, true));
      }
    }
    at += (length + 7) & ~7;
  }
  return { uid, descriptors };
}

/**
 * Puts a text into memory that nobody can change any more.
 *
 * @returns A descriptor at its beginning.
 * @throws {SystemError} If the kernel refuses.
 */
export function sealedText(text: string): number {
  const name = cString("scanlogd");
  const fd = checked(
    libc().memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING),
    "memfd_create",
  );
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    const rest = bytes.subarray(at);
    at += Number(checked(
      libc().write(fd, rest, BigInt(rest.length)),
      "write",
    ));
  }
  libc().lseek(fd, 0n, 0);
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  checked(libc().fcntl(fd, F_ADD_SEALS, seals), "fcntl(F_ADD_SEALS)");
  return fd;
}

/** Reads a text to its end; undefined if it is too long or cannot be read. */
export function readText(fd: number): string | undefined {
  const chunk = new Uint8Array(CHUNK);
  const decoder = new TextDecoder();
  let text = "";
  while (text.length <= MAX_TEXT) {
    const length = Number(libc().read(fd, chunk, BigInt(CHUNK)));
    if (length < 0) return undefined;
    if (length === 0) return text + decoder.decode();
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
  return undefined;
}
