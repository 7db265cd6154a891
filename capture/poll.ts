/**
 * Waiting for descriptors without holding up the program.
 *
 * @module
 */

import { checked, libc } from "../ffi/libc.ts";
import { EFD_CLOEXEC, EFD_NONBLOCK, POLLERR, POLLIN } from "../ffi/linux.ts";

/** struct pollfd: int fd, short events, short revents (poll.h). */
const POLLFD = 8;

/** A set of descriptors to wait for, and a way to end the waiting. */
export class PollSet {
  readonly #fds: DataView<ArrayBuffer>;
  readonly #wake: number;

  /** @throws {SystemError} If the kernel has no descriptor left. */
  constructor(fds: readonly number[]) {
    this.#wake = checked(
      libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
      "eventfd",
    );
    this.#fds = new DataView(new ArrayBuffer((fds.length + 1) * POLLFD));
    for (const [i, fd] of [...fds, this.#wake].entries()) {
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

  /** Whether the descriptor of an index had anything to tell. */
  isReady(index: number): boolean {
    return this.#fds.getInt16(index * POLLFD + 6, true) !== 0;
  }

  /** Whether the descriptor of an index has an error to be taken off. */
  hasError(index: number): boolean {
    return (this.#fds.getInt16(index * POLLFD + 6, true) & POLLERR) !== 0;
  }

  /** Ends the waiting. */
  wake(): void {
    libc().write(this.#wake, new BigUint64Array([1n]), 8n);
  }

  /** Frees what it holds. The descriptors are their owners' to close. */
  close(): void {
    libc().close(this.#wake);
  }
}
