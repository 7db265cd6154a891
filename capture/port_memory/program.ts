/**
 * The filter that writes and reads the port memory: an eBPF program for a packet
 * socket of type SOCK_DGRAM. It does what the classic filter does, and one thing
 * more: segments with ACK, datagrams and other IP protocols come up if they go
 * to a port, or protocol, that the host has sent nothing from lately.
 *
 * @module
 */

import {
  compute,
  EXIT,
  FRAME,
  jump,
  jumpIf,
  load,
  R0,
  R1,
  type Statement,
  swap,
} from "../../ffi/ebpf.ts";
import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../../ffi/linux.ts";
import {
  EXTENDED_SNAP_LENGTH,
  SNAP_LENGTH,
  VLAN_NUMBER,
} from "../header_fields.ts";
import { incoming } from "./incoming.ts";
import { outgoing } from "./outgoing.ts";
import {
  CONTEXT,
  loadBytes,
  type MemoryFilterOptions,
  type MemoryMaps,
  NETWORK_AT,
  NO_MEMORY,
  ROWS,
  SKB_CONTROL,
  SKB_INTERFACE,
  SKB_PACKET_TYPE,
  SKB_PROTOCOL,
} from "./parts.ts";

/** drivers/net/loopback.c: the loopback interface's number everywhere. */
const LOOPBACK_IFINDEX = 1;
/** TCP and UDP; the loopback interface's rows stand behind. */
const LOOPBACK_ROWS = 2 << 16;

/** The program, case by case. */
export function memoryFilter(
  options: MemoryFilterOptions,
  maps: MemoryMaps,
): Statement[] {
  const { promiscuous, isTrial = false } = options;
  const field = (offset: number, trial: number) =>
    load(4, R1, CONTEXT, isTrial ? SKB_CONTROL + 4 * trial : offset);
  return [
    compute(CONTEXT, "=", R1),
    // A service bound to 127.0.0.1 excuses nothing outside.
    compute(ROWS, "=", 0),
    field(SKB_INTERFACE, 1),
    jumpIf(R1, "!=", LOOPBACK_IFINDEX, "rows known"),
    compute(ROWS, "=", LOOPBACK_ROWS),
    { label: "rows known" },
    field(SKB_PACKET_TYPE, 0),
    jumpIf(R1, "==", PACKET_OUTGOING, "outgoing"),
    // What is for others says nothing about ports of ours.
    jumpIf(R1, "!=", PACKET_OTHERHOST, "incoming"),
    promiscuous ? compute(ROWS, "=", NO_MEMORY) : jump("drop"),
    { label: "incoming" },
    ...etherType("incoming", "tag"),
    ...incoming(options, maps),
    ...priorityTag(),
    { label: "outgoing" },
    ...etherType("outgoing", "drop"),
    ...outgoing(options, maps, field),
    { label: "extended" },
    compute(R0, "=", EXTENDED_SNAP_LENGTH),
    EXIT,
    { label: "pass" },
    compute(R0, "=", SNAP_LENGTH),
    EXIT,
    { label: "drop" },
    compute(R0, "=", 0),
    EXIT,
  ];
}

/** Goes on by the version of IP, or elsewhere with what is none. */
function etherType(way: string, other: string): Statement[] {
  return [
    load(4, R1, CONTEXT, SKB_PROTOCOL),
    swap(R1, 16),
    jumpIf(R1, "==", ETH_P_IPV6, `${way} IPv6`),
    jumpIf(R1, "!=", ETH_P_IP, other),
  ];
}

/** As in the classic filter: another priority tag, or nothing for us. */
function priorityTag(): Statement[] {
  return [
    { label: "tag" },
    jumpIf(R1, "==", ETH_P_8021Q, "which tag"),
    jumpIf(R1, "!=", ETH_P_8021AD, "drop"),
    { label: "which tag" },
    ...loadBytes(0, 2, NETWORK_AT, "drop"),
    load(2, R1, FRAME, NETWORK_AT),
    swap(R1, 16),
    jumpIf(R1, "&", VLAN_NUMBER, "drop"),
    jump("extended"),
  ];
}
