/**
 * Kinds of packets that are not looked at, and how many there were of each.
 *
 * A capture of something else than meant gives no lines and no reason; the kinds
 * say what it was that was passed over.
 *
 * @module
 */

import { linkTypeName } from "./link_names.ts";

/** How many numbers each space has. */
export const KIND_NUMBERS = 0x10000;
/** The space of EtherTypes (IEEE 802), which begins with lengths. */
export const ETHERTYPES = 1;
/** The space of link types. */
export const LINK_TYPES = 2;
/** The space of PPP protocols. */
export const PPP_PROTOCOLS = 3;
/** The space of address families in front of loopback and logged packets. */
export const FAMILIES = 4;
/** The space of IP protocols. */
export const IP_PROTOCOLS = 5;

/** From here on an EtherType is one; below, it is a length (IEEE 802.3). */
const FIRST_ETHERTYPE = 0x0600;

/** Of what stands in captures most often, what an administrator calls it. */
const NAMES: ReadonlyMap<number, ReadonlyMap<number, string>> = new Map([
  [
    ETHERTYPES,
    new Map([
      [0x0806, "ARP"],
      [0x8035, "RARP"],
      [0x8847, "MPLS without IP"],
      [0x8863, "PPPoE discovery"],
      [0x8864, "PPPoE without IP"],
      [0x888e, "802.1X"],
      [0x88cc, "LLDP"],
      [0x88e5, "MACsec"],
      [0x88f7, "PTP"],
      [0x8902, "connectivity faults (CFM)"],
      [0x8906, "Fibre Channel (FCoE)"],
      [0x894f, "NSH"],
    ]),
  ],
  [
    PPP_PROTOCOLS,
    new Map([
      [0x003d, "multilink PPP"],
      [0x00fd, "compressed PPP"],
      [0xc021, "LCP"],
      [0x8021, "IPCP"],
      [0x8057, "IPV6CP"],
    ]),
  ],
  [
    IP_PROTOCOLS,
    new Map([
      [4, "IP in IP"],
      [33, "DCCP"],
      [41, "IPv6 in IP"],
      [47, "GRE"],
      [50, "ESP"],
      [51, "AH"],
      [88, "EIGRP"],
      [89, "OSPF"],
      [97, "EtherIP"],
      [103, "PIM"],
      [112, "VRRP"],
      [115, "L2TP"],
      [136, "UDP-Lite"],
      [137, "MPLS in IP"],
    ]),
  ],
]);

/** What the numbers of a space are called where one has no name. */
const SPACES: ReadonlyMap<number, string> = new Map([
  [ETHERTYPES, "EtherType"],
  [PPP_PROTOCOLS, "PPP protocol"],
  [FAMILIES, "address family"],
  [IP_PROTOCOLS, "IP protocol"],
]);

/** What a kind is called. */
function nameOf(kind: number): string {
  const space = Math.floor(kind / KIND_NUMBERS);
  const number = kind % KIND_NUMBERS;
  if (space === LINK_TYPES) {
    return `link type ${number} (${linkTypeName(number)})`;
  }
  if (space === ETHERTYPES && number < FIRST_ETHERTYPE) return "LLC";
  const name = NAMES.get(space)?.get(number);
  if (name !== undefined) return name;
  const isHexadecimal = space === ETHERTYPES || space === PPP_PROTOCOLS;
  const text = isHexadecimal
    ? `0x${number.toString(16).padStart(4, "0")}`
    : `${number}`;
  return `${SPACES.get(space)} ${text}`;
}

/** A kind of packets that are not looked at. */
export interface KindCount {
  /** What it is called, such as "ARP" or "link type 127 (IEEE802_11_RADIOTAP)". */
  name: string;
  /** How many packets were of it. */
  packets: number;
}

/** Kinds that are told apart; a capture has few, who invents some has more. */
const CAPACITY = 64;

/**
 * Counts packets by kind, in a table that does not grow: kinds that find no room
 * count only in the total.
 *
 * @example
 * ```ts
 * import { PacketKinds } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * const kinds = new PacketKinds();
 * for (let i = 0; i < 3; i++) kinds.count(1, 0x0806);
 * assertEquals(kinds.commonest(), { name: "ARP", packets: 3 });
 * ```
 */
export class PacketKinds {
  /** How many were counted in all. */
  total = 0;
  readonly #kinds = new Int32Array(CAPACITY);
  readonly #counts = new Float64Array(CAPACITY);

  /**
   * Counts one packet.
   *
   * @param space One of the spaces of numbers.
   * @param number Its number in there, 0 to 65535.
   */
  count(space: number, number: number): void {
    this.#add(space * KIND_NUMBERS + number);
  }

  /** Counts a frame of which findNetworkHeader says that it carries no IP. */
  countFrame(result: number): void {
    this.#add(-result);
  }

  /** Adds what another one has counted. */
  addAll(other: PacketKinds): void {
    let told = 0;
    for (let i = 0; i < CAPACITY && other.#counts[i] > 0; i++) {
      this.#add(other.#kinds[i], other.#counts[i]);
      told += other.#counts[i];
    }
    this.total += other.total - told;
  }

  #add(kind: number, packets = 1): void {
    this.total += packets;
    const kinds = this.#kinds;
    for (let i = 0; i < CAPACITY; i++) {
      if (kinds[i] === 0) kinds[i] = kind;
      if (kinds[i] !== kind) continue;
      this.#counts[i] += packets;
      return;
    }
  }

  /** The kind that most packets were of; undefined if none were counted. */
  commonest(): KindCount | undefined {
    const counts = this.#counts;
    let most = 0;
    for (let i = 1; i < CAPACITY; i++) if (counts[i] > counts[most]) most = i;
    if (counts[most] === 0) return undefined;
    return { name: nameOf(this.#kinds[most]), packets: counts[most] };
  }
}
