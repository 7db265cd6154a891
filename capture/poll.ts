/**
 * Waiting for descriptors without holding up the program.
 *
 * @module
 */

import { checked, libc } from "../ffi/libc.ts";
import { POLLERR, POLLIN } from "../ffi/linux.ts";

/** struct pollfd: int fd, short events, short revents (poll.h). */
const POLLFD = 8;

/** A set of descriptors to wait for, and a way to end the waiting. */
export class PollSet {
  readonly #fds: DataView<ArrayBuffer>;
  readonly #wake: number;
  readonly #wakeEnd: number;
  readonly #captures: number;

  /**
   * @param captures Descriptors that packets come from.
   * @param local What tells of changed addresses, if anything does.
   * @throws {SystemError} If the kernel has no descriptor left.
   */
  constructor(captures: readonly number[], local?: { readonly fd: number }) {
    const pipe = new Int32Array(2);
    checked(libc().pipe(pipe), "pipe");
    const [wake] = [this.#wake, this.#wakeEnd] = pipe;
    this.#captures = captures.length;
    const fds = [...captures, local?.fd ?? wake, wake];
    this.#fds = new DataView(new ArrayBuffer(fds.length * POLLFD));
    for (const [i, fd] of fds.entries()) {
      this.#fds.setInt32(i * POLLFD, fd, true);
      this.#fds.setInt16(i * POLLFD + 4, POLLIN, true);
    }
  }

  /**
   * Resolves once a descriptor is ready or {@linkcode PollSet.wake} is called.
   * It may also resolve for no reason, so look at what is there in any case.
   */
  async wait(): Promise<void> {
    const count = BigInt(this.#fds.byteLength / POLLFD);
    await libc().poll(this.#fds.buffer, count, -1);
  }

  /** Whether addresses changed. */
  get hasNewAddresses(): boolean {
    return this.#events(this.#captures) !== 0;
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
