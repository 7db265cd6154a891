/**
 * What every capture offers. Nothing outside capture/ knows more of one.
 *
 * @module
 */

import type { PacketHandler } from "../detect/packet/packet.ts";

/** What a capture has counted since it was opened. */
export interface CaptureStatistics {
  /** Packets that passed the kernel's filter. */
  received: number;
  /** Packets that the kernel dropped because they were not fetched in time. */
  dropped: number;
}

/**
 * Called while nothing comes, with the time on the packets' clock, in
 * milliseconds, up to which all packets have been handed on.
 *
 * @returns After how many milliseconds it wants to be called again at the latest;
 * Infinity: once something has come.
 */
export type Tick = (time: number) => number;

/** Which interfaces a capture of a kind watches, in words; none: all. */
export function describeInterfaces(
  kind: string,
  interfaces: readonly string[],
): string {
  const names = interfaces.length === 0
    ? "all interfaces"
    : interfaces.join(", ");
  return `${kind}, ${names}`;
}

/** Adds up what several sockets or devices have counted. */
export function sumStatistics(
  all: readonly CaptureStatistics[],
): CaptureStatistics {
  return {
    received: all.reduce((sum, { received }) => sum + received, 0),
    dropped: all.reduce((sum, { dropped }) => sum + dropped, 0),
  };
}

/** What reading probe records has lost. */
export interface ProbeLosses {
  /** Lines that are no records. */
  refused: number;
  /** Records that came too late, or from the future. */
  late: number;
}

/** Where packets come from. */
export interface Capture {
  /** What it is, and on which interfaces or from which file. */
  readonly description: string;
  /** Descriptors that packets come from, through which nothing must be sent. */
  readonly descriptors: readonly number[];
  /** Those of them that are bound anew to an interface that is made anew. */
  readonly rebound?: readonly number[];
  /** Those of them that watch other hosts on interfaces that come later. */
  readonly joining?: readonly number[];
  /**
   * Hands on packets until the capture is stopped or its input ends.
   *
   * @param tick Told the time whenever all that has come is handed on. In a file
   * only packets tell the time; while a pipe brings nothing it goes on, some
   * seconds late, since its writer may hold back packets in a buffer.
   * @throws {Error} If the input is damaged or the capture breaks; all packets
   * before that have been handed on.
   */
  run(handler: PacketHandler, tick?: Tick): Promise<void>;
  /** Lets {@linkcode Capture.run} hand on what has arrived, and return. */
  stop(): void;
  /** What it has counted. */
  statistics(): CaptureStatistics;
  /** What reading probe records has lost; undefined if it reads none. */
  readonly probeLosses?: ProbeLosses;
  /** Frees what it holds. */
  close(): void;
}
