/**
 * Floods of frames at a rate that neither hping3 nor trafgen reaches.
 *
 * @module
 */

import type { Namespace } from "./namespaces.ts";
import { Process, run } from "./processes.ts";

const SENDER = new URL("frame_sender.c", import.meta.url).pathname;

/** What it needs of the machine. */
export const FLOOD_TOOLS = ["ip", "gcc"];

/** A flood to send. */
export interface Flood {
  /** The frames, link layer header included; they are sent in turn. */
  frames: readonly Uint8Array[];
  /** Frames a second. */
  rate: number;
  /** How many in all. */
  count: number;
}

/** Frames as their sender and the injector read them: each behind its length. */
export function withLengths(
  frames: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const length = frames.reduce((sum, frame) => sum + 2 + frame.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const frame of frames) {
    all.set([frame.length >> 8, frame.length & 0xff], at);
    all.set(frame, at + 2);
    at += 2 + frame.length;
  }
  return all;
}

/** The program that sends floods, made anew in a directory. */
export async function makeSender(directory: string): Promise<string> {
  const sender = `${directory}/frame_sender`;
  await run(["gcc", "-O2", "-o", sender, SENDER]);
  return sender;
}

/**
 * Starts to flood a host's link.
 *
 * @param sender What {@linkcode makeSender} has made.
 * @returns The flood; {@linkcode rateOf} tells its rate once it has ended.
 */
export function startFlood(
  host: Namespace,
  sender: string,
  { frames, rate, count }: Flood,
  name = "eth0",
): Process {
  return new Process(host.inside([sender, name, `${rate}`, `${count}`]), {
    input: withLengths(frames),
  });
}

/** How many frames a second a flood had that has ended. */
export function rateOf(flood: Process): number {
  const [, count, time] = /^(\d+) frames in (\d+) ms$/.exec(
    flood.stdout.join("\n"),
  ) ?? [];
  return Number(count) / (Number(time) / 1000);
}
