/**
 * What the filter's cases are made of: looking into packets and arrays.
 *
 * @module
 */

import {
  call,
  compute,
  FRAME,
  jumpIf,
  mapReference,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  type Register,
  type Statement,
  store,
} from "../../ffi/ebpf.ts";

/** Random odd numbers of 64 bits, which a stranger cannot know. */
export type HashKey = readonly [bigint, bigint];

/** Descriptors of the arrays. */
export interface MemoryMaps {
  /** When ports have sent and opened. */
  ports: number;
  /** When IP protocols were sent. */
  protocols: number;
  /** UDP ports whose sockets may only receive. */
  receivers: number;
  /** The host's own addresses. */
  addresses: number;
  /**
   * By interface number: 1 if it routes, 0 if a bridge or bond holds it. At
   * {@linkcode ANY_ADDRESS}: 1 if the host has addresses besides those.
   */
  routing: number;
  /** When somebody else last used an IPv6 address of the host's. */
  impostor: number;
  /** What the filter's clock has told. */
  clock: number;
}

/** What the filter is made for. */
export interface MemoryFilterOptions {
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /** What tells of scans by this host as well [false]. */
  outgoing?: boolean;
  /**
   * Not all interfaces are watched [false]: what leaves with a VLAN tag may not
   * be seen at the interface of the VLAN.
   */
  partial?: boolean;
  /** By which key addresses are looked up. */
  key: HashKey;
  /**
   * For tests, in which the kernel knows no outgoing packets: the packet's type
   * stands in the first control word, the interfaces in the next, and whether it
   * has a tag in the fourth.
   */
  isTrial?: boolean;
}

/**
 * What the registers hold throughout. R0 to R5 are destroyed by each call.
 */
export { R6 as CONTEXT } from "../../ffi/ebpf.ts";
/** Where the transport header begins, in bytes from the network header. */
export { R7 as TRANSPORT } from "../../ffi/ebpf.ts";
/** The IP protocol, later what is looked up by it. */
export { R8 as PROTOCOL } from "../../ffi/ebpf.ts";
/** The first element of the interface's rows, or {@linkcode NO_MEMORY}. */
export { R9 as ROWS } from "../../ffi/ebpf.ts";

/** In place of an interface's number, of which none is 0. */
export const ANY_ADDRESS = 0;
/** In place of rows: the packet is filtered as if there were no memory. */
export const NO_MEMORY = -1;

// include/uapi/linux/bpf.h, struct __sk_buff.
export const SKB_PACKET_TYPE = 4;
export const SKB_PROTOCOL = 16;
/** Not 0: it has a VLAN tag, which does not stand among its bytes. */
export const SKB_VLAN_PRESENT = 20;
/** The interface that it came in by; 0: the host itself has made it. */
export const SKB_INGRESS_INTERFACE = 36;
export const SKB_INTERFACE = 40;
export const SKB_CONTROL = 48;

// The stack, in bytes from its end.
/** The network header's first 40 bytes. */
export const NETWORK_AT = -40;
/** In its place, once it was read: TRANSLATED or 0, added to the time. */
export const ORIGIN_AT = NETWORK_AT;
/** The transport header's first 16. */
export const TRANSPORT_AT = -56;
/** An address that is looked up. */
export const ADDRESS_AT = -72;
/** An element that is looked up. */
const KEY_AT = -76;

/** linux/bpf.h: offsets count from the network header. */
const BPF_HDR_START_NET = 1;

/**
 * Loads bytes of the packet into the stack. LD_ABS would do it faster, but end
 * the program, and the packet, where there are none.
 *
 * @param from Where they stand, from the network header on.
 * @param missing Where to go if the packet has not so many in one piece.
 */
export function loadBytes(
  from: Register | number,
  length: number,
  to: number,
  missing: string,
): Statement[] {
  return [
    compute(R1, "=", R6),
    compute(R2, "=", from),
    compute(R3, "=", FRAME),
    compute(R3, "+=", to),
    compute(R4, "=", length),
    compute(R5, "=", BPF_HDR_START_NET),
    call("skb_load_bytes_relative"),
    jumpIf(R0, "!=", 0, missing),
  ];
}

/** Points R0 to an array's element, or goes elsewhere if there is none. */
export function lookUp(
  map: number,
  index: Register,
  missing: string,
): Statement[] {
  return [
    store(4, FRAME, KEY_AT, index),
    mapReference(R1, map),
    compute(R2, "=", FRAME),
    compute(R2, "+=", KEY_AT),
    call("map_lookup_elem"),
    jumpIf(R0, "==", 0, missing),
  ];
}

/** Goes to a label if a register is one of these numbers. */
export function jumpIfAny(
  value: Register,
  numbers: readonly number[],
  target: string,
): Statement[] {
  return numbers.map((number) => jumpIf(value, "==", number, target));
}
