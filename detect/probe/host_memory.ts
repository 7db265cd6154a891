/**
 * When ports of hosts other than the watched one were last used: those of
 * `home`, and of whoever answers in a capture file.
 *
 * @module
 */

import { isWithin, second } from "./seconds.ts";

/** Ports remembered; the older of two that meet in a place goes. */
const BITS = 16;
const WORDS = 4;
const CHECK = 0;
/** Something was sent from the port that is no refusal. */
export const SENT = 1;
/** It has answered somebody who asked. */
export const OPENED = 2;
/** It was sent something that it may refuse. */
export const ASKED = 3;

/** A table of (address, protocol, port), 1 MiB. */
export class HostMemory {
  readonly #words = new Int32Array(WORDS << BITS);
  /** A byte of each one's check, near enough for most that look in vain. */
  readonly #checks = new Uint8Array(1 << BITS);
  readonly #factor: number;

  /** @param random A source of secrets: 32 random bits at each call. */
  constructor(random: () => number) {
    this.#factor = random() | 1;
  }

  /** What it takes, in bytes. */
  get byteLength(): number {
    return this.#words.byteLength + this.#checks.byteLength;
  }

  #place(host: number, protocol: number, port: number): number {
    const mixed = Math.imul(
      host ^ Math.imul((port << 2) | protocol, 0x9e3779b1),
      this.#factor,
    );
    return (mixed ^ (mixed >>> 13)) >>> (32 - BITS);
  }

  /** Notes that something was sent from a port that is no refusal. */
  noteSent(host: number, protocol: number, port: number, time: number): void {
    this.#words[this.#take(host, protocol, port) + SENT] = second(time);
  }

  /** Notes that a port has answered somebody who asked. */
  noteOpened(host: number, protocol: number, port: number, time: number): void {
    const at = this.#take(host, protocol, port);
    this.#words[at + SENT] = this.#words[at + OPENED] = second(time);
  }

  /** Notes that a port was sent something that it may refuse. */
  noteAsked(host: number, protocol: number, port: number, time: number): void {
    this.#words[this.#take(host, protocol, port) + ASKED] = second(time);
  }

  #take(host: number, protocol: number, port: number): number {
    const words = this.#words;
    const place = this.#place(host, protocol, port);
    const at = place * WORDS;
    const check = checkOf(host, protocol, port);
    if (words[at + CHECK] !== check) {
      words[at + CHECK] = check;
      this.#checks[place] = check >>> 24;
      words[at + SENT] = words[at + OPENED] = words[at + ASKED] = 0;
    }
    return at;
  }

  /**
   * Whether a port's last time of a kind is within a span.
   *
   * @param kind One of the constants above.
   * @param span How long ago at most, in milliseconds.
   */
  was(
    kind: number,
    host: number,
    protocol: number,
    port: number,
    time: number,
    span: number,
  ): boolean {
    const place = this.#place(host, protocol, port);
    const check = checkOf(host, protocol, port);
    if (this.#checks[place] !== check >>> 24) return false;
    const at = place * WORDS;
    if (this.#words[at + CHECK] !== check) return false;
    return isWithin(this.#words[at + kind], time, span / 1000);
  }
}

function checkOf(host: number, protocol: number, port: number): number {
  return (host ^ Math.imul((port << 2) | protocol, 0x85ebca6b)) | 1;
}
