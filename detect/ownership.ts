/**
 * Whose packets are these: which ones our hosts have sent, which ones are for
 * them, and which sources nobody wants to hear of.
 *
 * @module
 */

import type { AddressSet } from "./address.ts";
import type { DetectorOptions } from "./options.ts";
import { DIRECTION_IN, DIRECTION_OUT } from "./packet.ts";
import type { Segment } from "./segment.ts";

/** Tells by the addresses and the direction of a packet whose it is. */
export class Ownership {
  /** Whether any incoming segment may be passed over. */
  readonly isSelective: boolean;
  /** Whether packets of ours may come from another host than the watched one. */
  readonly hasHome: boolean;
  readonly #ignore: AddressSet | undefined;
  readonly #local: AddressSet | undefined;
  readonly #home: AddressSet | undefined;
  readonly #isPromiscuous: boolean;

  constructor({ ignore, local, home, promiscuous }: DetectorOptions) {
    this.#ignore = ignore;
    this.#local = local;
    this.#home = home;
    this.#isPromiscuous = promiscuous ?? false;
    this.hasHome = home !== undefined;
    this.isSelective = [ignore, local, home].some((set) => set !== undefined);
  }

  /**
   * Whether a host of ours sent a packet. For the watched host itself the
   * direction must tell: anybody can send packets in its name.
   */
  comesFromUs(s: Segment): boolean {
    const isOut = s.direction === DIRECTION_OUT;
    return isOut && hasSource(this.#local, s, true) ||
      hasSource(this.#home, s, false);
  }

  /** Whether a packet surely goes to a host of ours. */
  goesToUs(s: Segment): boolean {
    return hasDestination(this.#local, s, s.direction === DIRECTION_IN) ||
      hasDestination(this.#home, s, false);
  }

  /** Whether a quoted packet went to a host of ours. */
  wasForUs(s: Segment): boolean {
    return hasDestination(this.#local, s, true) ||
      hasDestination(this.#home, s, false);
  }

  /** Whether a packet's destination is one that scans are looked for of. */
  isWanted(s: Segment): boolean {
    if (this.#isPromiscuous) return true;
    const isAny = this.#local === undefined && this.#home === undefined;
    return isAny || hasDestination(this.#local, s, false) ||
      hasDestination(this.#home, s, false);
  }

  /** Whether a packet's source is one that nobody wants to hear of. */
  isIgnored(s: Segment): boolean {
    return hasSource(this.#ignore, s, false);
  }

  /** The same of its destination: the peer of what a host of ours sends. */
  isIgnoredPeer(s: Segment): boolean {
    return hasDestination(this.#ignore, s, false);
  }
}

/** @param fallback The answer if there is no set. */
function hasSource(
  set: AddressSet | undefined,
  { source0, source1, source2, source3 }: Segment,
  fallback: boolean,
): boolean {
  return set === undefined
    ? fallback
    : set.has(source0, source1, source2, source3);
}

/** @param fallback The answer if there is no set. */
function hasDestination(
  set: AddressSet | undefined,
  { destination0, destination1, destination2, destination3 }: Segment,
  fallback: boolean,
): boolean {
  return set === undefined
    ? fallback
    : set.has(destination0, destination1, destination2, destination3);
}
