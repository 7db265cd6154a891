/**
 * A connection to syslogd that can be made anew from inside a chroot.
 *
 * @module
 */

import { checked, cString, libc, readLink } from "../ffi/libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH } from "../ffi/linux.ts";
import {
  connectDatagram,
  MAX_SOCKET_NAME,
  sendDatagram,
} from "../ffi/unix_socket.ts";

/**
 * A Unix datagram socket. Its path is out of reach behind chroot, so it keeps a
 * descriptor of the directory that really holds it, changes there to connect by
 * the bare name, and changes back.
 */
export class SyslogSocket {
  readonly #name: string;
  readonly #directory: number;
  #home: number;
  #fd = -1;

  /** @throws {Error} If the directory is not there or the name is too long. */
  constructor(path: string) {
    const real = resolveSocket(path);
    const slash = real.lastIndexOf("/");
    this.#name = real.slice(slash + 1);
    const length = new TextEncoder().encode(this.#name).length;
    if (length > MAX_SOCKET_NAME) {
      throw new Error(
        `--syslog-socket: the name "${this.#name}" is ${length} bytes long, at most ${MAX_SOCKET_NAME} are possible`,
      );
    }
    this.#directory = openDirectory(real.slice(0, slash) || "/");
    this.#home = openDirectory(".");
  }

  /** Descriptors between which connecting changes. */
  get directories(): readonly number[] {
    return [this.#directory, this.#home];
  }

  /** Makes the current directory the one to change back to. */
  settle(): void {
    libc().close(this.#home);
    this.#home = openDirectory(".");
  }

  /**
   * Connects, for the first time or anew.
   *
   * @throws {SystemError} If nobody listens.
   */
  connect(): void {
    this.#disconnect();
    checked(libc().fchdir(this.#directory), "fchdir");
    try {
      this.#fd = connectDatagram(this.#name);
    } finally {
      libc().fchdir(this.#home);
    }
  }

  /** Sends without waiting; returns whether the kernel took it. */
  send(message: Uint8Array<ArrayBuffer>): boolean {
    return this.#fd >= 0 && sendDatagram(this.#fd, message);
  }

  #disconnect(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }

  /** Closes everything. */
  close(): void {
    this.#disconnect();
    libc().close(this.#directory);
    libc().close(this.#home);
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

function openDirectory(path: string): number {
  return checked(
    libc().openat(AT_FDCWD, cString(path), O_PATH | O_CLOEXEC, 0),
    `open directory ${path}`,
  );
}
