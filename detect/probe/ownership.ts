/**
 * Whose packets are these: which ones our hosts have sent, which ones are for
 * them, and which sources nobody wants to hear of.
 *
 * @module
 */

import type { AddressSet } from "../packet/address.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
} from "../packet/packet.ts";
import type { Segment } from "../packet/segment.ts";
import type { IgnoreRules } from "./ignore_rules.ts";
import { LOOPBACK_INTERFACE } from "./impossible.ts";

/** Whose addresses are known. */
export interface KnownAddresses {
  /** The watched host's. */
  local: AddressSet | undefined;
  /** Those of further hosts of ours. */
  home: AddressSet | undefined;
  /** The networks that the watched host is in. */
  onLink: AddressSet | undefined;
  /** Who is not looked at. */
  ignore: IgnoreRules | undefined;
  /** Packets count whatever their destination. */
  promiscuous?: boolean;
}

/** Tells by the addresses and the direction of a packet whose it is. */
export class Ownership {
  /** Whether any incoming segment may be passed over. */
  readonly isSelective: boolean;
  /** Whether packets of ours may come from another host than the watched one. */
  readonly hasHome: boolean;
  readonly #ignore: IgnoreRules | undefined;
  readonly #local: AddressSet | undefined;
  readonly #home: AddressSet | undefined;
  readonly #onLink: AddressSet | undefined;
  readonly #isPromiscuous: boolean;

  constructor(
    { ignore, local, home, onLink, promiscuous }: KnownAddresses,
  ) {
    this.#onLink = onLink;
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
    return isOut && hasSource(this.#local, s, !this.hasHome) ||
      hasSource(this.#home, s, false);
  }

  /** Whether a packet surely goes to a host of ours. */
  goesToUs(s: Segment): boolean {
    const isIn = s.direction === DIRECTION_IN;
    return hasDestination(this.#local, s, isIn && !this.hasHome) ||
      hasDestination(this.#home, s, false) ||
      this.#isPromiscuous && hasDestination(this.#onLink, s, false);
  }

  /** Whether the watched host itself sent a packet. */
  isThisHost(s: Segment): boolean {
    return s.direction === DIRECTION_OUT && hasSource(this.#local, s, true);
  }

  /**
   * Whether a packet bears an address of the watched host and comes from outside:
   * it sends nothing to itself but over the loopback interface.
   */
  isForgedInOurName(s: Segment): boolean {
    return s.interfaceIndex > LOOPBACK_INTERFACE &&
      s.direction === DIRECTION_IN && hasSource(this.#local, s, false);
  }

  /** Whether a packet goes to the watched host itself. */
  goesToThisHost(s: Segment): boolean {
    return s.direction === DIRECTION_IN && hasDestination(this.#local, s, true);
  }

  /** Whether the watched host sends a packet to another one, ours or not. */
  leavesThisHost(s: Segment): boolean {
    return this.isThisHost(s) && !hasDestination(this.#local, s, true);
  }

  /** Whether the watched host's addresses are known. */
  get knowsThisHost(): boolean {
    return this.#local !== undefined;
  }

  /** Whether nothing is known of who is ours, but by packets' direction. */
  get knowsNobody(): boolean {
    return this.#local === undefined && this.#home === undefined;
  }

  /**
   * Whether it is not known whose a packet is: the answers in it count for the
   * host that is asked, whoever that is.
   */
  isAnybodys(s: Segment): boolean {
    return this.#isPromiscuous || this.isUnknown(s);
  }

  /** Whether nothing tells whose a packet is, not even its direction. */
  isUnknown(s: Segment): boolean {
    return this.knowsNobody && s.direction === DIRECTION_UNKNOWN;
  }

  /** Whether a quoted packet went to a host of ours. */
  wasForUs(s: Segment): boolean {
    return this.knowsNobody || hasDestination(this.#local, s, false) ||
      hasDestination(this.#home, s, false);
  }

  /** Whether a packet's destination is one that scans are looked for of. */
  isWanted(s: Segment): boolean {
    if (this.#isPromiscuous) return true;
    return this.knowsNobody || hasDestination(this.#local, s, false) ||
      hasDestination(this.#home, s, false);
  }

  /** Whether a packet's source, at its port of ours, is to be ignored. */
  isIgnored(s: Segment): boolean {
    return this.#ignore !== undefined && this.#ignore.has(
      s.source0,
      s.source1,
      s.source2,
      s.source3,
      s.protocol,
      s.destinationPort,
    );
  }

  /** The same of its destination: the peer of what a host of ours sends. */
  isIgnoredPeer(s: Segment): boolean {
    return this.#ignore !== undefined && this.#ignore.has(
      s.destination0,
      s.destination1,
      s.destination2,
      s.destination3,
      s.protocol,
      s.sourcePort,
    );
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
