/**
 * A port memory for many short cases: to forget what a case has written takes
 * less time than to make a new one.
 *
 * @module
 */

import { PortMemory } from "../../../detect/probe/port_memory.ts";

/** A port memory that can forget everything. */
export class ReusedPorts extends PortMemory {
  readonly #written: [row: number, port: number][] = [];

  override noteSent(row: number, port: number, time: number): void {
    this.#written.push([row, port]);
    super.noteSent(row, port, time);
  }

  override noteOpened(row: number, port: number, time: number): void {
    this.#written.push([row, port]);
    super.noteOpened(row, port, time);
  }

  /** Forgets what was written: it stands for the year 1970 from now on. */
  forget(): this {
    for (const [row, port] of this.#written) super.noteOpened(row, port, 0);
    this.#written.length = 0;
    return this;
  }
}
