/**
 * Waiting for descriptors without holding up the program.
 *
 * @module
 */

import { keepDescriptor } from "../ffi/descriptors.ts";
import { checked, libc } from "../ffi/libc.ts";
import { POLLERR, POLLIN } from "../ffi/linux.ts";

/** struct pollfd: int fd, short events, short revents (poll.h). */
const POLLFD = 8;

/** The longest that poll(2) waits, and the shortest: a rule must not spin. */
const LONGEST_WAIT_MS = 0x7fff_ffff;
const SHORTEST_WAIT_MS = 1;

/** A set of descriptors to wait for, and a way to end the waiting. */
export class PollSet {
  readonly #fds: DataView<ArrayBuffer>;
  readonly #wake: number;
  readonly #wakeEnd: number;
  readonly #captures: number;
  readonly #addresses: number;

  /**
   * @param captures Descriptors that packets come from.
   * @param local What tells of changed addresses, if anything does.
   * @throws {SystemError} If the kernel has no descriptor left.
   */
  constructor(captures: readonly number[], local?: { readonly fd: number }) {
    const pipe = new Int32Array(2);
    checked(libc().pipe(pipe), "pipe");
    for (const fd of pipe) keepDescriptor(fd);
    const [wake] = [this.#wake, this.#wakeEnd] = pipe;
    this.#captures = captures.length;
    this.#addresses = local?.fd ?? wake;
    const fds = [...captures, this.#addresses, wake];
    this.#fds = new DataView(new ArrayBuffer(fds.length * POLLFD));
    for (const [i, fd] of fds.entries()) {
      this.#fds.setInt32(i * POLLFD, fd, true);
      this.#fds.setInt16(i * POLLFD + 4, POLLIN, true);
    }
  }

  /**
   * Resolves once a descriptor is ready, {@linkcode PollSet.wake} is called, or
   * the time is over. It may also resolve for no reason, so look at what is there
   * in any case.
   *
   * @param longest In milliseconds.
   */
  async wait(longest: number = Infinity): Promise<void> {
    const count = BigInt(this.#fds.byteLength / POLLFD);
    await libc().poll(this.#fds.buffer, count, pollTimeout(longest));
  }

  /** Whether addresses changed. */
  get hasNewAddresses(): boolean {
    return this.#events(this.#captures) !== 0;
  }

  /** Sets whether changed addresses end the waiting. */
  heedAddresses(isHeeded: boolean): void {
    const at = this.#captures * POLLFD;
    this.#fds.setInt32(at, isHeeded ? this.#addresses : -1, true);
    this.#fds.setInt16(at + 6, 0, true);
  }

  /** Whether the capture descriptor of an index has an error to be taken off. */
  hasError(index: number): boolean {
    return (this.#events(index) & POLLERR) !== 0;
  }

  #events(index: number): number {
    return this.#fds.getInt16(index * POLLFD + 6, true);
  }

  /** Waits no longer for the capture descriptor of an index. */
  ignore(index: number): void {
    this.#fds.setInt32(index * POLLFD, -1, true);
    this.#fds.setInt16(index * POLLFD + 6, 0, true);
  }

  /** Ends the waiting. */
  wake(): void {
    libc().write(this.#wakeEnd, new Uint8Array(1), 1n);
  }

  /** Frees what it holds. The descriptors are their owners' to close. */
  close(): void {
    libc().close(this.#wake);
    libc().close(this.#wakeEnd);
  }
}

/** A time as poll(2) wants it: -1 stands for ever. */
function pollTimeout(longest: number): number {
  if (longest === Infinity) return -1;
  const time = Math.max(Math.ceil(longest), SHORTEST_WAIT_MS);
  return Math.min(time, LONGEST_WAIT_MS);
}
