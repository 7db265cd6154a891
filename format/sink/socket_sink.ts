/**
 * Lines to whoever listens on a Unix socket: syslogd, or a program of the user's.
 *
 * @module
 */

import {
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EMSGSIZE,
  ENOENT,
  errno,
  SystemError,
} from "../../ffi/libc.ts";
import type { Sink } from "./sink.ts";
import { type FrameOptions, frameSyslog } from "../syslog.ts";
import { UnixConnection } from "./unix_connection.ts";

/**
 * Messages that wait while nobody takes them. Scans come at most a few a
 * minute (the flood limit), so this is hours of them; without that limit, it is
 * what a minute of a busy attack makes.
 */
const MAX_WAITING = 4096;
/** How often it is tried again, in milliseconds. */
const RETRY_MS = 100;
/** How often at the end, when nothing else is to be done, in milliseconds. */
const LAST_RETRY_MS = 5;
/** How long a flush may take, in milliseconds. */
const FLUSH_MS = 1000;

/** How lines become messages. */
export interface Framing {
  /** A message of a line that is reported. */
  line(text: string): string;
  /** A message of what the program says of itself; undefined: no place for it. */
  note?(text: string): string;
  /** A message that says how many lines were lost. */
  lost?(count: number): string;
  /** What ends a message in a stream; only datagrams are sent if left out. */
  streamEnd?: Uint8Array<ArrayBuffer>;
}

/** Where lines go, and how. */
export interface SocketSinkOptions {
  /** What it is, for diagnostics. */
  what: string;
  /** Where somebody listens. */
  path: string;
  /** The option that names the path. */
  option: string;
  /** What to do if nobody listens. */
  advice: string;
  /** Whether it is an error if nobody listens at the start. */
  mustConnect: boolean;
  /** How lines become messages. */
  framing: Framing;
}

/** How syslogd wants its messages: RFC 3164, in a stream ended by a zero byte. */
export function syslogFraming(options: FrameOptions): Framing {
  const frame = (text: string, level = options.level) =>
    frameSyslog(text, Date.now(), { ...options, level });
  return {
    line: (text) => frame(text),
    note: (text) => frame(text, "info"),
    lost: (count) =>
      frame(`${count} lines were lost while syslogd took none`, "warning"),
    streamEnd: Uint8Array.of(0),
  };
}

/**
 * Sends lines to a Unix socket and never waits for whoever listens there. What he
 * does not take waits in a bounded queue, and is sent in order once he does; what
 * does not fit into the queue is counted and reported.
 */
export class SocketSink implements Sink {
  readonly description: string;
  lost = 0;
  readonly #socket: UnixConnection;
  readonly #framing: Framing;
  readonly #encoder = new TextEncoder();
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Lines lost since that was last reported. */
  #untold = 0;

  /** @throws {Error} If nobody listens on the socket, and must. */
  constructor(options: SocketSinkOptions) {
    const { what, path, option, advice, mustConnect, framing } = options;
    this.description = `${what} (${path})`;
    this.#framing = framing;
    try {
      this.#socket = new UnixConnection(path, option, framing.streamEnd);
    } catch (error) {
      throw new Error(`cannot log to ${path}: ${advise(error, advice)}`);
    }
    try {
      this.#socket.connect();
    } catch (error) {
      if (!mustConnect) return;
      this.#socket.close();
      throw new Error(`cannot log to ${path}: ${advise(error, advice)}`);
    }
  }

  /** Whether somebody listens. */
  get isConnected(): boolean {
    return this.#socket.isConnected;
  }

  /** Whether it needs stream sockets to connect again. */
  get isStream(): boolean {
    return this.#socket.isStream;
  }

  get directories(): readonly number[] {
    return this.#socket.directories;
  }

  settle(): void {
    this.#socket.settle();
  }

  write(line: string): void {
    this.#enqueue(this.#framing.line(line));
  }

  note(text: string): void {
    const message = this.#framing.note?.(text);
    if (message !== undefined) this.#enqueue(message);
  }

  /** Connects again, as after a change of who listens. */
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
    // The reader of a stream is only slow: a part may have been sent already.
    const { isConnected, isStream } = this.#socket;
    if (isConnected && isStream && errno() === EAGAIN) return false;
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
    const message = this.#framing.lost?.(this.#untold);
    this.#untold = 0;
    if (message !== undefined) this.#enqueue(message);
  }

  async flush(): Promise<void> {
    const end = performance.now() + FLUSH_MS;
    while (this.#waiting.length > 0 && performance.now() < end) {
      this.#sendWaiting();
      if (this.#waiting.length === 0) return;
      await new Promise((done) => setTimeout(done, LAST_RETRY_MS));
    }
    this.lost += this.#waiting.splice(0).length;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }
}

function advise(error: unknown, advice: string): string {
  if (!(error instanceof SystemError)) return (error as Error).message;
  if (error.errno === ENOENT) return `there is no such socket; ${advice}`;
  if (error.errno === EACCES) {
    return "permission denied; run as root, or choose another --output";
  }
  if (error.errno === ECONNREFUSED) return `nobody listens there; ${advice}`;
  return `${error.message}; ${advice}`;
}
