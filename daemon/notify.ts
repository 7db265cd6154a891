/**
 * Telling systemd how the service is (sd_notify(3)).
 *
 * @module
 */

import { environment } from "../ffi/libc.ts";
import { connectDatagram, sendDatagram } from "../ffi/unix_socket.ts";

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
    sendDatagram(this.#fd, new TextEncoder().encode(text));
  }
}

/** Returns -1 where it does not succeed: a service works without as well. */
function connect(path: string): number {
  try {
    // "@" stands for the zero byte that begins an abstract name.
    return connectDatagram(path.replace(/^@/, "\0"));
  } catch {
    return -1;
  }
}
