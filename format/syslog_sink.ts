/**
 * Lines to syslogd, over its Unix datagram socket.
 *
 * @module
 */

import {
  EACCES,
  ECONNREFUSED,
  EMSGSIZE,
  ENOENT,
  errno,
  SystemError,
} from "../ffi/libc.ts";
import type { Sink } from "./sink.ts";
import { type FrameOptions, frameSyslog } from "./syslog.ts";
import { SyslogSocket } from "./syslog_socket.ts";

/**
 * Messages that wait while syslogd takes none. Scans come at most a few a
 * minute (the flood limit), so this is hours of them; without that limit, it is
 * what a minute of a busy attack makes.
 */
const MAX_WAITING = 4096;
/** How often it is tried again, in milliseconds. */
const RETRY_MS = 100;
/** How long a flush may take, in milliseconds. */
const FLUSH_MS = 1000;

/** How lines reach syslogd. */
export interface SyslogSinkOptions extends FrameOptions {
  /** Where syslogd listens. */
  path: string;
  /** Whether it is an error if nobody listens at the start. */
  mustConnect: boolean;
}

/**
 * Writes lines to syslogd and never waits for it. What it does not take waits
 * in a bounded queue, and is sent in order once it does; what the queue cannot
 * hold is counted and told.
 */
export class SyslogSink implements Sink {
  readonly description: string;
  lost = 0;
  readonly #socket: SyslogSocket;
  readonly #frame: FrameOptions;
  readonly #encoder = new TextEncoder();
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Lines lost since that was last told. */
  #untold = 0;

  /** @throws {Error} If nobody listens on the socket, and must. */
  constructor({ path, mustConnect, ...frame }: SyslogSinkOptions) {
    this.description = `syslog (${path})`;
    this.#frame = frame;
    try {
      this.#socket = new SyslogSocket(path);
    } catch (error) {
      throw new Error(`cannot log to ${path}: ${advise(error)}`);
    }
    try {
      this.#socket.connect();
    } catch (error) {
      if (!mustConnect) return;
      this.#socket.close();
      throw new Error(`cannot log to ${path}: ${advise(error)}`);
    }
  }

  get directories(): readonly number[] {
    return this.#socket.directories;
  }

  settle(): void {
    this.#socket.settle();
  }

  write(line: string): void {
    this.#enqueue(frameSyslog(line, Date.now(), this.#frame));
  }

  note(text: string): void {
    const frame: FrameOptions = { ...this.#frame, level: "info" };
    this.#enqueue(frameSyslog(text, Date.now(), frame));
  }

  /** Connects anew, as after a change of syslogd. */
  reopen(): void {
    this.#reconnect();
    this.#sendWaiting();
  }

  #enqueue(message: string): void {
    if (this.#waiting.length === MAX_WAITING) {
      this.lost++;
      this.#untold++;
      return;
    }
    this.#waiting.push(this.#encoder.encode(message));
    // With others waiting, it is the timer's turn: order is kept.
    if (this.#waiting.length === 1) this.#sendWaiting();
  }

  #sendWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      if (!this.#sendFirst()) return this.#retryLater();
      this.#waiting.shift();
    }
    if (this.#untold > 0) this.#tellLost();
  }

  /** Returns whether the first message is done with. */
  #sendFirst(): boolean {
    const [message] = this.#waiting;
    if (this.#socket.send(message)) return true;
    if (errno() === EMSGSIZE) {
      this.lost++;
      this.#untold++;
      return true;
    }
    // Whatever the reason, a new connection does no harm; the error number
    // alone is not to be trusted. If the queue is full, it will still be.
    return this.#reconnect() && this.#socket.send(message);
  }

  #reconnect(): boolean {
    try {
      this.#socket.connect();
      return true;
    } catch {
      return false; // not there yet: what waits is tried again
    }
  }

  #retryLater(): void {
    const timer = setTimeout(() => this.#sendWaiting(), RETRY_MS);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #tellLost(): void {
    const frame: FrameOptions = { ...this.#frame, level: "warning" };
    const text = `${this.#untold} lines were lost while syslogd took none`;
    this.#untold = 0;
    this.#enqueue(frameSyslog(text, Date.now(), frame));
  }

  async flush(): Promise<void> {
    const end = performance.now() + FLUSH_MS;
    while (this.#waiting.length > 0 && performance.now() < end) {
      this.#sendWaiting();
      if (this.#waiting.length === 0) return;
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
    this.lost += this.#waiting.splice(0).length;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }
}

function advise(error: unknown): string {
  if (!(error instanceof SystemError)) return (error as Error).message;
  if (error.errno === ENOENT) {
    return "there is no such socket; start syslogd, name its socket with --syslog-socket, or choose another --output";
  }
  if (error.errno === EACCES) {
    return "permission denied; run as root, or choose another --output";
  }
  if (error.errno === ECONNREFUSED) {
    return "nobody listens there; start syslogd, or choose another --output";
  }
  return `${error.message}; is syslogd running? Else choose another --output`;
}
