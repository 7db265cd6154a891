/**
 * Which ports and IP protocols of the watched host are in use: when it last sent
 * something from them. Two plain arrays, so that those into which the kernel's
 * filter writes can stand in for ours.
 *
 * @module
 */

import { isWithin, second } from "./seconds.ts";

/** A TCP port, as a row of the memory. */
export const MEMORY_TCP = 0;
/** A UDP port, as a row of the memory. */
export const MEMORY_UDP = 1;
/**
 * Added to a row: the port on the loopback interface, which is kept apart. A
 * service bound to 127.0.0.1 does not excuse the same port outside.
 */
export const MEMORY_LOOPBACK = 2;

const ROWS = 4;
const PORTS = 65_536;
const PROTOCOLS = 256;
/** A receiver's bits: a socket receives from anywhere. */
export const RECEIVES = 1;
/** One receives on the loopback interface. */
export const RECEIVES_ON_LOOPBACK = 2;

/**
 * Added to when something was last sent from a port, if address translation has
 * put this host's address in the place of another's. The port is in use, but it
 * is no service of this host's.
 */
export const TRANSLATED = 0x8000_0000;
const SECONDS = TRANSLATED - 1;

/** How long a TCP port is in use after something was sent from it, in seconds. */
export const TCP_IN_USE = 900;
/** How long a UDP port is. */
export const UDP_IN_USE = 180;
/** How long an IP protocol other than TCP and UDP is. */
export const PROTOCOL_IN_USE = 900;

/**
 * The arrays. Times are whole seconds on the packets' clock (CLOCK_BOOTTIME
 * while capturing); 0 means never.
 */
export interface PortTimes {
  /**
   * Two words for each port P of row R, at 2 * (R * 65,536 + P): when something
   * was last sent from it that is no refusal (see {@linkcode TRANSLATED}), and when
   * it last opened (SYN-ACK, INIT-ACK).
   */
  readonly ports: Uint32Array;
  /**
   * Two words for each IP protocol N, at 2 * N: when the host last sent it to
   * others, and over the loopback interface.
   */
  readonly protocols: Uint32Array;
  /**
   * Two words for each UDP port P, at 2 * P. The first has the bits
   * {@linkcode RECEIVES} and {@linkcode RECEIVES_ON_LOOPBACK} while there are
   * such sockets. They may never send, as those of syslog. The second: when a
   * service last received there.
   */
  readonly receivers: Uint32Array;
}

/** Arrays in which nothing has been sent yet. */
export function emptyPortTimes(): PortTimes {
  return {
    ports: new Uint32Array(2 * ROWS * PORTS),
    protocols: new Uint32Array(2 * PROTOCOLS),
    receivers: new Uint32Array(2 * PORTS),
  };
}

/**
 * Remembers what the host has sent, and from where. A detector makes its own
 * unless it is given one.
 *
 * @example Detectors that share what they know of the same host
 * ```ts
 * import { Detector, PortMemory } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const portMemory = new PortMemory();
 * const strict = new Detector(() => {}, { portMemory, minPorts: 3 });
 * const lenient = new Detector(() => {}, { portMemory, minPorts: 20 });
 * assertEquals([strict.sources, lenient.sources, portMemory.isKernel], [0, 0, false]);
 * ```
 */
export class PortMemory {
  /** Whether the kernel writes the times: then nobody else may. */
  readonly isKernel: boolean;
  readonly #times: PortTimes;
  readonly #readReceivers: (time: number) => void;

  /**
   * Makes a memory in which nothing is in use yet, or one that the kernel fills.
   *
   * @param kernelTimes Arrays that the kernel writes to; without: its own.
   * @param readReceivers Brings the receivers up to date.
   */
  constructor(
    kernelTimes?: PortTimes,
    readReceivers: (time: number) => void = () => {},
  ) {
    this.isKernel = kernelTimes !== undefined;
    this.#times = kernelTimes ?? emptyPortTimes();
    this.#readReceivers = readReceivers;
  }

  /**
   * Looks again for sockets that only receive: one may have been opened since.
   * To be called before a UDP scan is reported.
   *
   * @param time On the packets' clock, in milliseconds.
   */
  refreshReceivers(time: number): void {
    this.#readReceivers(time);
  }

  /** What the arrays take, in bytes. */
  get byteLength(): number {
    const { ports, protocols, receivers } = this.#times;
    return ports.byteLength + protocols.byteLength + receivers.byteLength;
  }

  /**
   * Notes that the host has sent something other than a refusal from a port.
   *
   * @param row MEMORY_TCP or MEMORY_UDP, and MEMORY_LOOPBACK added if it was there.
   * @param time On the packets' clock, in milliseconds.
   */
  noteSent(row: number, port: number, time: number): void {
    if (!this.isKernel) this.#times.ports[indexOf(row, port)] = second(time);
  }

  /** Notes that a port has opened: what opens it was sent from it as well. */
  noteOpened(row: number, port: number, time: number): void {
    if (this.isKernel) return;
    const at = indexOf(row, port);
    this.#times.ports[at] = this.#times.ports[at + 1] = second(time);
  }

  /** Notes that the host has sent a packet of an IP protocol. */
  noteProtocol(protocol: number, isLoopback: boolean, time: number): void {
    if (this.isKernel) return;
    this.#times.protocols[2 * protocol + (isLoopback ? 1 : 0)] = second(time);
  }

  /**
   * Whether a port is in use: a segment with ACK or a datagram to it is nothing
   * unusual.
   */
  isInUse(row: number, port: number, time: number): boolean {
    const isUdp = (row & MEMORY_UDP) !== 0;
    const span = isUdp ? UDP_IN_USE : TCP_IN_USE;
    const sent = this.#times.ports[indexOf(row, port)] & SECONDS;
    if (isWithin(sent, time, span)) return true;
    return isUdp && this.#isReceiving(row, port);
  }

  #isReceiving(row: number, port: number): boolean {
    const bit = (row & MEMORY_LOOPBACK) === 0 ? RECEIVES : RECEIVES_ON_LOOPBACK;
    return (this.#times.receivers[2 * port] & bit) !== 0;
  }

  /**
   * Whether this host itself has lately sent anything from a port that is no
   * refusal.
   *
   * @param span How long ago at most, in milliseconds.
   */
  wasSent(row: number, port: number, time: number, span: number): boolean {
    const sent = this.#times.ports[indexOf(row, port)];
    return sent < TRANSLATED && isWithin(sent, time, span / 1000);
  }

  /**
   * Whether a port has opened lately.
   *
   * @param span How long ago at most, in milliseconds.
   */
  wasOpened(row: number, port: number, time: number, span: number): boolean {
    const { ports, receivers } = this.#times;
    // The kernel cannot tell datagrams that answer from those that ask.
    const opened = row === MEMORY_UDP && this.isKernel
      ? receivers[2 * port + 1]
      : ports[indexOf(row, port) + 1];
    return isWithin(opened, time, span / 1000);
  }

  /** Whether the host sends packets of an IP protocol itself. */
  isProtocolInUse(
    protocol: number,
    isLoopback: boolean,
    time: number,
  ): boolean {
    const sent = this.#times.protocols[2 * protocol + (isLoopback ? 1 : 0)];
    return isWithin(sent, time, PROTOCOL_IN_USE);
  }
}

function indexOf(row: number, port: number): number {
  return 2 * (row * PORTS + port);
}
