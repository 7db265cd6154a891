/**
 * What syslogd listens on, with the test at the other end.
 *
 * @module
 */

import { checked, libc } from "../../ffi/libc.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../../ffi/linux.ts";

const SOCKADDR_UN = 110;
const LONGEST_MESSAGE = 8192;
/** The kernel keeps 10 messages before writers have to wait. */
const DRAIN_INTERVAL_MS = 5;

/** Collects the messages that programs write to a socket. */
export class SyslogSocket implements Disposable {
  /** The messages so far, as they were framed. */
  readonly messages: string[] = [];
  readonly #fd: number;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param path Where it listens. */
  constructor(path: string) {
    this.#fd = checked(
      libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
      "socket(AF_UNIX)",
    );
    const address = new Uint8Array(SOCKADDR_UN);
    new DataView(address.buffer).setUint16(0, AF_UNIX, true);
    address.set(new TextEncoder().encode(path), 2);
    checked(libc().bind(this.#fd, address, SOCKADDR_UN), `bind to ${path}`);
    Deno.chmodSync(path, 0o666);
    this.#timer = setInterval(() => this.#drain(), DRAIN_INTERVAL_MS);
  }

  #drain(): void {
    const bytes = new Uint8Array(LONGEST_MESSAGE);
    for (;;) {
      const length = libc().recv(
        this.#fd,
        bytes,
        BigInt(bytes.length),
        MSG_DONTWAIT,
      );
      if (length < 0n) return;
      const text = new TextDecoder().decode(bytes.subarray(0, Number(length)));
      this.messages.push(text);
    }
  }

  /** The messages so far, without what is the same in all lines. */
  lines(): string[] {
    this.#drain();
    return this.messages
      .filter((message) => message.startsWith(ALERT))
      .map((message) => message.replace(FRAME, ""));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    libc().close(this.#fd);
  }
}

/** Facility daemon, level alert. */
const ALERT = "<25>";
/** `<25>Nov 22 06:40:13 scanlogd: `. */
const FRAME = /^<25>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d scanlogd: /;
