/**
 * What is known of a target before anybody answers: whose it is, and what it
 * weighs.
 *
 * @module
 */

import type { Segment } from "../packet/segment.ts";
import {
  HEAVY,
  IS_LOCAL,
  IS_LOOPBACK,
  IS_OURS,
  IS_UNSURE,
} from "../table/target_word.ts";
import { LOOPBACK_INTERFACE } from "./impossible.ts";
import type { Ownership } from "./ownership.ts";
import { isLoopback, PRIVILEGED_PORTS } from "./probe.ts";

/** Reads the traits of targets from the probes that go to them. */
export class TargetTraits {
  readonly #ownership: Ownership;
  readonly #isKernel: boolean;

  /** @param isKernel The kernel tells ports of the loopback interface apart. */
  constructor(ownership: Ownership, isKernel: boolean) {
    this.#ownership = ownership;
    this.#isKernel = isKernel;
  }

  /** The traits of the target that a probe goes to. */
  of(probe: Segment): number {
    const ownership = this.#ownership;
    const { knowsThisHost, hasHome } = ownership;
    let traits = ownership.goesToUs(probe) ? IS_OURS : 0;
    // Where only our networks are known, it may be a host behind this one.
    if ((knowsThisHost || !hasHome) && ownership.goesToThisHost(probe)) {
      traits |= knowsThisHost ? IS_LOCAL : IS_LOCAL | IS_UNSURE;
    }
    const isInside = this.#isKernel
      ? probe.interfaceIndex === LOOPBACK_INTERFACE
      : isLoopback(probe);
    return isInside ? traits | IS_LOOPBACK : traits;
  }
}

/** HEAVY for a port that one needs privilege to listen on. */
export function weightOf(port: number): number {
  return port < PRIVILEGED_PORTS ? HEAVY : 0;
}
