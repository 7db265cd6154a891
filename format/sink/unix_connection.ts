/**
 * A connection to a Unix socket that can be made again from inside a chroot.
 *
 * @module
 */

import { closeDescriptor, keepDescriptor } from "../../ffi/descriptors.ts";
import { checked, cString, libc, readLink } from "../../ffi/libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH } from "../../ffi/linux.ts";
import {
  connectDatagram,
  connectStream,
  MAX_SOCKET_NAME,
  sendDatagram,
  sendSome,
} from "../../ffi/unix_socket.ts";

/** Number of open_tree(2), the same everywhere, and its flags (linux/mount.h). */
const OPEN_TREE = 428n;
const OPEN_TREE_CLONE = 1n;
const AT_RECURSIVE = 0x8000n;

/**
 * A Unix socket: of datagrams, or of a stream if that is what somebody listens
 * on. Its path is out of reach behind chroot, so it keeps a descriptor of the
 * directory that really holds it, changes there to connect by the bare name, and
 * changes back.
 */
export class UnixConnection {
  /** Whether it was a stream when it was last connected. */
  isStream = false;
  readonly #name: string;
  readonly #directory: number;
  readonly #streamEnd: Uint8Array<ArrayBuffer> | undefined;
  #home: number;
  #fd = -1;
  /** Bytes of the message at hand that a stream has taken. */
  #taken = 0;

  /**
   * @param path The socket's.
   * @param option Which option names it.
   * @param streamEnd What ends a message in a stream; if left out, there are only
   * datagrams.
   * @throws {Error} If the directory is not there or the name is too long.
   */
  constructor(
    path: string,
    option: string,
    streamEnd?: Uint8Array<ArrayBuffer>,
  ) {
    const real = resolveSocket(path);
    const slash = real.lastIndexOf("/");
    this.#name = real.slice(slash + 1);
    this.#streamEnd = streamEnd;
    const length = new TextEncoder().encode(this.#name).length;
    if (length > MAX_SOCKET_NAME) {
      throw new Error(
        `${option}: the name "${this.#name}" is ${length} bytes long, at most ${MAX_SOCKET_NAME} are possible`,
      );
    }
    const directory = real.slice(0, slash) || "/";
    this.#directory = openAlone(directory) ?? openDirectory(directory);
    this.#home = openDirectory(".");
  }

  /** Whether somebody listened when it was last connected. */
  get isConnected(): boolean {
    return this.#fd >= 0;
  }

  /** Descriptors between which connecting changes. */
  get directories(): readonly number[] {
    return [this.#directory, this.#home];
  }

  /** Makes the current directory the one to change back to. */
  settle(): void {
    closeDescriptor(this.#home);
    this.#home = openDirectory(".");
  }

  /**
   * Connects, for the first time or again.
   *
   * @throws {SystemError} If nobody listens.
   */
  connect(): void {
    this.#disconnect();
    checked(libc().fchdir(this.#directory), "fchdir");
    try {
      this.#connectEither();
    } finally {
      libc().fchdir(this.#home);
    }
  }

  /** As libc's syslog does: datagrams first, and then a stream. */
  #connectEither(): void {
    try {
      this.#fd = connectDatagram(this.#name);
      this.isStream = false;
    } catch (error) {
      if (this.#streamEnd === undefined) throw error;
      try {
        this.#fd = connectStream(this.#name);
      } catch {
        throw error;
      }
      this.isStream = true;
    }
  }

  /**
   * Sends without waiting; returns whether the kernel took it. If not, the same
   * message has to be the next.
   */
  send(message: Uint8Array<ArrayBuffer>): boolean {
    if (this.#fd < 0) return false;
    return this.isStream
      ? this.#sendToStream(message)
      : sendDatagram(this.#fd, message);
  }

  #sendToStream(message: Uint8Array<ArrayBuffer>): boolean {
    const end = this.#streamEnd ?? new Uint8Array();
    const framed = new Uint8Array(message.length + end.length);
    framed.set(message);
    framed.set(end, message.length);
    while (this.#taken < framed.length) {
      const taken = sendSome(this.#fd, framed.subarray(this.#taken));
      if (taken < 0) return false;
      this.#taken += taken;
    }
    this.#taken = 0;
    return true;
  }

  #disconnect(): void {
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
    this.#taken = 0;
  }

  /** Closes everything. */
  close(): void {
    this.#disconnect();
    closeDescriptor(this.#directory);
    closeDescriptor(this.#home);
  }
}

/** Symbolic links, as systemd's /dev/log is one, even if they dangle. */
function resolveSocket(path: string): string {
  for (let links = 0; links < 8; links++) {
    const target = readLink(path);
    if (target === undefined) break;
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    path = target.startsWith("/") ? target : directory + target;
  }
  return path.includes("/") ? path : `./${path}`;
}

/**
 * A copy of its mount that begins with the directory: from there, not even ".."
 * leads to anything above. With what is mounted below, as the host's socket alone
 * is in containers. Undefined without CAP_SYS_ADMIN.
 */
function openAlone(path: string): number | undefined {
  const flags = OPEN_TREE_CLONE | AT_RECURSIVE | BigInt(O_CLOEXEC);
  const from = BigInt(AT_FDCWD);
  const fd = libc().open_tree(OPEN_TREE, from, cString(path), flags);
  return fd < 0n ? undefined : keepDescriptor(Number(fd));
}

function openDirectory(path: string): number {
  return keepDescriptor(checked(
    libc().openat(AT_FDCWD, cString(path), O_PATH | O_CLOEXEC, 0),
    `open directory ${path}`,
  ));
}
