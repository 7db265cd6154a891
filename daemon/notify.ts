/**
 * Telling systemd how the service is (sd_notify(3)).
 *
 * @module
 */

import { environment, libc } from "../ffi/libc.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../ffi/linux.ts";

/** sockaddr_un: a family of two bytes, then the path (sys/un.h). */
const FAMILY_BYTES = 2;
const MAX_PATH = 107;

/** Tells the service manager, if one wants to know. */
export class ServiceManager {
  readonly #fd: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Connects while the socket's path can still be reached. */
  constructor() {
    const path = environment("NOTIFY_SOCKET");
    this.#fd = path === undefined ? -1 : connect(path);
  }

  /** Tells that the program watches, and from now on that it is alive. */
  ready(): void {
    this.#send("READY=1");
    const microseconds = Number(environment("WATCHDOG_USEC") ?? 0);
    if (this.#fd < 0 || !(microseconds > 0)) return;
    const timer = setInterval(
      () => this.#send("WATCHDOG=1"),
      microseconds / 2000,
    );
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  /** Tells that the program ends. */
  stopping(): void {
    clearInterval(this.#timer);
    this.#send("STOPPING=1");
  }

  #send(text: string): void {
    if (this.#fd < 0) return;
    const bytes = new TextEncoder().encode(text);
    libc().send(
      this.#fd,
      bytes,
      BigInt(bytes.length),
      MSG_DONTWAIT | MSG_NOSIGNAL,
    );
  }
}

/** Returns -1 where it does not succeed: a service works without as well. */
function connect(path: string): number {
  const name = new TextEncoder().encode(path);
  if (name.length > MAX_PATH) return -1;
  const address = new Uint8Array(FAMILY_BYTES + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, FAMILY_BYTES);
  // "@" stands for the zero byte that begins an abstract name.
  if (path.startsWith("@")) address[FAMILY_BYTES] = 0;
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (libc().connect(fd, address, address.length) < 0) return -1;
  return fd;
}
