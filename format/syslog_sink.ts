/**
 * Lines to syslogd, over its Unix datagram socket.
 *
 * @module
 */

import { checked, EACCES, ENOENT, libc, SystemError } from "../ffi/libc.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from "../ffi/linux.ts";
import type { Sink } from "./sink.ts";
import { type FrameOptions, frameSyslog } from "./syslog.ts";

/** sockaddr_un: a family and sun_path (sys/un.h). */
const SOCKADDR_UN = 110;
const MAX_PATH = 107;

/** Writes lines to syslogd; never waits for it. */
export class SyslogSink implements Sink {
  readonly description: string;
  lost = 0;
  readonly #fd: number;
  readonly #frame: FrameOptions;
  readonly #encoder = new TextEncoder();

  /** @throws {Error} If nobody listens on the socket. */
  constructor(path: string, frame: FrameOptions) {
    this.description = `syslog (${path})`;
    this.#frame = frame;
    const address = socketAddress(path);
    this.#fd = checked(
      libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
      "socket(AF_UNIX)",
    );
    try {
      checked(libc().connect(this.#fd, address, SOCKADDR_UN), "connect");
    } catch (error) {
      this.close();
      throw new Error(`cannot log to ${path}: ${advise(error)}`);
    }
  }

  write(line: string): void {
    this.#send(line, this.#frame);
  }

  note(text: string): void {
    this.#send(text, { ...this.#frame, level: "info" });
  }

  #send(text: string, frame: FrameOptions): void {
    const bytes = this.#encoder.encode(frameSyslog(text, Date.now(), frame));
    const sent = libc().send(
      this.#fd,
      bytes,
      BigInt(bytes.length),
      MSG_DONTWAIT | MSG_NOSIGNAL,
    );
    if (sent < 0n) this.lost++;
  }

  async flush(): Promise<void> {}

  close(): void {
    libc().close(this.#fd);
  }
}

function socketAddress(path: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > MAX_PATH) {
    throw new Error(
      `--syslog-socket: "${path}" is ${bytes.length} bytes long, at most ${MAX_PATH} are possible`,
    );
  }
  const address = new Uint8Array(SOCKADDR_UN);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, 2);
  return address;
}

function advise(error: unknown): string {
  if (!(error instanceof SystemError)) return String(error);
  if (error.errno === ENOENT) {
    return "there is no such socket; start syslogd, name its socket with --syslog-socket, or choose another --output";
  }
  if (error.errno === EACCES) {
    return "permission denied; run as root, or choose another --output";
  }
  return `${error.message}; is syslogd running? Else choose another --output`;
}
