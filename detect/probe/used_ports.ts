/**
 * Which ports are in use, and which were open lately: of the watched host by
 * the port memory, of others by what they were seen to send.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import {
  HAS_ACK,
  IS_LOOPBACK,
  isSurelyLocal,
  TARGET_IP,
  TARGET_TCP,
  TARGET_UDP,
  targetProtocol,
} from "../table/target_word.ts";
import type { Settings } from "../settings.ts";
import { ASKED, type HostMemory, OPENED, SENT } from "./host_memory.ts";
import {
  MEMORY_LOOPBACK,
  MEMORY_TCP,
  MEMORY_UDP,
  type PortMemory,
  TCP_IN_USE,
  UDP_IN_USE,
} from "./port_memory.ts";
import { isLoopback } from "./probe.ts";

/** So many sources must go on unanswered, for one alone may pretend it. */
const HALVES = 3;
/** How long a host may take to refuse, in milliseconds. */
const ASKED_MS = 3000;

/** Both memories as one. */
export class UsedPorts {
  /** Of the watched host. */
  readonly ports: PortMemory;
  /** Whether the watched host forwards: another may answer at its ports. */
  forwards = (): boolean => false;
  /** Whether any host was seen to accept a connection, or to refuse one. */
  sawAnswer = false;
  /** Whether any host is known to be another one than the watched one. */
  knowsOthers = false;
  #halves = 0;
  #lastHalf = 0;
  readonly #hosts: HostMemory;
  /** How long a port that opened stays excused. */
  readonly #window: number;
  readonly #ephemeralPort: number;

  constructor(
    ports: PortMemory,
    hosts: HostMemory,
    { slowWindow, ephemeralPort }: Settings,
  ) {
    this.ports = ports;
    this.#hosts = hosts;
    this.#window = Math.max(slowWindow, TCP_IN_USE * 1000);
    this.#ephemeralPort = ephemeralPort;
  }

  /** Whether the capture sees one direction only: silence says nothing. */
  get isOneWay(): boolean {
    return this.#halves >= HALVES && !this.sawAnswer;
  }

  /**
   * Notes that a connection went on of which nobody saw the acceptance.
   *
   * @param source A keyed hash of the address that went on.
   */
  sawHalf(source: number): void {
    if (this.#halves > 0 && source === this.#lastHalf) return;
    this.#halves++;
    this.#lastHalf = source;
  }

  /** The memory that they take, in bytes. */
  get byteLength(): number {
    return this.ports.byteLength + this.#hosts.byteLength;
  }

  /**
   * Notes that one of our hosts sends something that is no refusal.
   *
   * @param host A keyed hash of its address.
   * @param isOpening It accepts a connection, or answers a datagram.
   * @param isThisHost It is the watched host.
   */
  noteSent(
    segment: Segment,
    host: number,
    isOpening: boolean,
    isThisHost: boolean,
  ): void {
    const { sourcePort: port, time } = segment;
    const protocol = targetProtocol(segment.protocol);
    if (protocol === TARGET_TCP && isOpening) this.sawAnswer = true;
    // Who has answered goes on answering, whoever asks.
    if (protocol === TARGET_UDP && !isOpening) {
      isOpening = this.#hosts.was(
        OPENED,
        host,
        protocol,
        port,
        time,
        this.#window,
      );
    }
    const isPort = protocol === TARGET_TCP || protocol === TARGET_UDP;
    if (isPort && isThisHost) {
      const row = memoryRow(protocol, isLoopback(segment));
      if (isOpening) this.ports.noteOpened(row, port, time);
      else this.ports.noteSent(row, port, time);
    }
    if (isOpening) this.#hosts.noteOpened(host, protocol, port, time);
    else this.#hosts.noteSent(host, protocol, port, time);
  }

  /**
   * Notes that somebody sent a segment with ACK to a TCP port.
   *
   * @param host A keyed hash of the address that it goes to.
   * @param isData It belongs to a connection, for probes have no data.
   */
  noteAsked(segment: Segment, host: number, isData: boolean): void {
    const { destinationPort: port, time } = segment;
    if (isData) this.#hosts.noteSent(host, TARGET_TCP, port, time);
    else this.#hosts.noteAsked(host, TARGET_TCP, port, time);
  }

  /**
   * Notes that the watched host, whose addresses nobody knows, sends to a host:
   * that is another one.
   */
  noteOther(host: number, time: number): void {
    this.knowsOthers = true;
    this.#hosts.noteAsked(host, TARGET_IP, 0, time);
  }

  /** Whether a host is known to be another one. */
  isOther(host: number, time: number): boolean {
    return this.#hosts.was(ASKED, host, TARGET_IP, 0, time, this.#window);
  }

  /**
   * Notes that a datagram which is no probe by its looks went to a port: an error
   * may quote too little of it to tell.
   */
  noteLate(host: number, port: number, time: number): void {
    this.#hosts.noteAsked(host, TARGET_UDP, port, time);
  }

  /** Whether such a datagram went to a UDP port just now. */
  wasLate(host: number, port: number, time: number): boolean {
    return this.#hosts.was(ASKED, host, TARGET_UDP, port, time, ASKED_MS);
  }

  /** Whether somebody has sent a segment with ACK to a TCP port just now. */
  wasAsked(host: number, port: number, time: number): boolean {
    return this.#hosts.was(ASKED, host, TARGET_TCP, port, time, ASKED_MS);
  }

  /** Whether one of our hosts has lately sent something from a target. */
  isInUse(
    traits: number,
    protocol: number,
    port: number,
    host: number,
    time: number,
  ): boolean {
    const isInside = (traits & IS_LOOPBACK) !== 0;
    if (protocol === TARGET_IP) {
      return this.ports.isProtocolInUse(port & 0xff, isInside, time);
    }
    if (isRemembered(traits, protocol)) {
      return this.ports.isInUse(memoryRow(protocol, isInside), port, time);
    }
    const span = (protocol === TARGET_UDP ? UDP_IN_USE : TCP_IN_USE) * 1000;
    return this.#hosts.was(SENT, host, protocol, port, time, span);
  }

  /** Whether a target has answered anybody within the window. */
  wasOpened(
    traits: number,
    protocol: number,
    port: number,
    host: number,
    time: number,
  ): boolean {
    const window = this.#window;
    if (!isRemembered(traits, protocol)) {
      return this.#hosts.was(OPENED, host, protocol, port, time, window);
    }
    const row = memoryRow(protocol, (traits & IS_LOOPBACK) !== 0);
    if (this.ports.wasOpened(row, port, time, window)) return true;
    // Connections are older than what was seen of them, if we serve there. What
    // has ACK must be older than that: our own clients use such ports as well.
    const isService = protocol === TARGET_TCP && port < this.#ephemeralPort &&
      (traits & HAS_ACK) === 0;
    return isService && this.ports.wasSent(row, port, time, window);
  }
}

/** Whether a target is a port of the watched host, which has a memory of them. */
function isRemembered(traits: number, protocol: number): boolean {
  return isSurelyLocal(traits) &&
    (protocol === TARGET_TCP || protocol === TARGET_UDP);
}

/** The row of the port memory that a target stands in. */
function memoryRow(protocol: number, isInside: boolean): number {
  return (protocol === TARGET_UDP ? MEMORY_UDP : MEMORY_TCP) +
    (isInside ? MEMORY_LOOPBACK : 0);
}
