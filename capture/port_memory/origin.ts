/**
 * Whose a packet is that leaves: the host's own, another's in whose place address
 * translation has put this host, or one that only passes through.
 *
 * @module
 */

import { TRANSLATED } from "../../detect/probe/port_memory.ts";
import {
  compute,
  FRAME,
  type Instruction,
  jump,
  jumpIf,
  load,
  R0,
  R1,
  R2,
  type Statement,
  store,
  swap,
} from "../../ffi/ebpf.ts";
import { ETH_P_IPV6 } from "../../ffi/linux.ts";
import { ifLocalAddress } from "./address_table.ts";
import { readClock } from "./clock.ts";
import { ipv4Address } from "./incoming.ts";
import {
  ADDRESS_AT,
  ANY_ADDRESS,
  CONTEXT,
  lookUp,
  type MemoryFilterOptions,
  type MemoryMaps,
  NETWORK_AT,
  NO_MEMORY,
  ORIGIN_AT,
  ROWS,
  SKB_INGRESS_INTERFACE,
  SKB_INTERFACE,
  SKB_PROTOCOL,
  SKB_VLAN_PRESENT,
} from "./parts.ts";

/**
 * A packet that came in may leave so many seconds later: it waits until it is
 * known who the next router is, and behind others.
 */
const IMPOSTOR_SECONDS = 60;

/** Loads a field of the packet's context into R1. */
export type Field = (offset: number, trial: number) => Instruction;

/**
 * A stranger must not write to the memory. What the host itself sends has come in
 * nowhere and bears an address of its own; with another's it is a guest's, who
 * shares the interface (macvlan, ipvlan, VLAN). What came in before it leaves was
 * sent by somebody else. If it is routed and bears an address of ours, address
 * translation has rewritten it, and the port is in use: IPv4 routes no forged
 * local source, and of IPv6 it is known when one came in. A bridge passes on
 * whatever it gets; what leaves with a tag may have come from one that holds a
 * VLAN of the interface.
 */
export function whoseIsIt(
  { key, partial = false }: MemoryFilterOptions,
  maps: MemoryMaps,
  field: Field,
): Statement[] {
  const { addresses, routing } = maps;
  return [
    { label: "whose is it" },
    store(4, FRAME, ORIGIN_AT, 0),
    field(SKB_INGRESS_INTERFACE, 2),
    jumpIf(R1, "!=", 0, "passed on"),
    jumpIf(ROWS, "!=", 0, "by protocol"), // nobody shares the loopback interface
    ...sourceAddress("made here"),
    ...ifLocalAddress("made here", addresses, key, ADDRESS_AT, "by protocol"),
    compute(R1, "=", ANY_ADDRESS),
    ...lookUp(routing, R1, "forwarded"),
    load(4, R1, R0, 0),
    jumpIf(R1, "!=", 0, "by protocol"),
    jump("forwarded"),
    { label: "passed on" },
    ...sourceAddress("passed on"),
    ...ifLocalAddress("passed on", addresses, key, ADDRESS_AT, "translated"),
    jump("forwarded"),
    { label: "translated" },
    ...(partial
      ? []
      : [field(SKB_VLAN_PRESENT, 3), jumpIf(R1, "!=", 0, "drop")]),
    ...dropIfForged(maps),
    field(SKB_INTERFACE, 1),
    ...lookUp(routing, R1, "drop"),
    load(4, R1, R0, 0),
    jumpIf(R1, "==", 0, "drop"),
    store(4, FRAME, ORIGIN_AT, TRANSLATED | 0),
    jump("by protocol"),
    // Other hosts' packets may be answers of hosts that are ours as well.
    { label: "forwarded" },
    compute(ROWS, "=", NO_MEMORY),
  ];
}

/**
 * Drops IPv6 that bears an address of ours if somebody outside has just used one:
 * it may be the same packet.
 */
function dropIfForged({ impostor, clock }: MemoryMaps): Statement[] {
  return [
    load(4, R1, CONTEXT, SKB_PROTOCOL),
    swap(R1, 16),
    jumpIf(R1, "!=", ETH_P_IPV6, "no forgery"),
    ...readClock("forgery", clock),
    store(8, FRAME, ADDRESS_AT, R0),
    compute(R1, "=", 0),
    ...lookUp(impostor, R1, "drop"),
    load(4, R1, R0, 0),
    jumpIf(R1, "==", 0, "no forgery"),
    load(8, R2, FRAME, ADDRESS_AT),
    compute(R2, "-=", R1),
    jumpIf(R2, "signed >", IMPOSTOR_SECONDS, "no forgery"),
    jump("drop"),
    { label: "no forgery" },
  ];
}

/** Sets R1 and R2 to the halves of the packet's source address. */
function sourceAddress(name: string): Statement[] {
  return [
    load(4, R1, CONTEXT, SKB_PROTOCOL),
    swap(R1, 16),
    jumpIf(R1, "!=", ETH_P_IPV6, `${name}, IPv4`),
    load(8, R1, FRAME, NETWORK_AT + 8),
    load(8, R2, FRAME, NETWORK_AT + 16),
    jump(`${name}, source`),
    { label: `${name}, IPv4` },
    ...ipv4Address(NETWORK_AT + 12),
    { label: `${name}, source` },
  ];
}
