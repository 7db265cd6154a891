/**
 * What comes in: which of it the rules need.
 *
 * @module
 */

import {
  PROTOCOL_IN_USE,
  TCP_IN_USE,
  TRANSLATED,
  UDP_IN_USE,
} from "../../detect/probe/port_memory.ts";
import {
  compute,
  FRAME,
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
import {
  BULK_FLAGS,
  CHUNK_TYPE,
  EXTENSION_HEADERS,
  ICMP,
  ICMP_REFUSALS,
  ICMPV6,
  ICMPV6_REFUSALS,
  IPV4_HEADER,
  IPV6_HEADER,
  LAST_HEADER_UNIT,
  SCTP,
  SCTP_ANSWERS,
  SCTP_PROBES,
  TCP,
  TCP_FLAGS,
} from "../header_fields.ts";
import { ifLocalAddress } from "./address_table.ts";
import { readClock } from "./clock.ts";
import {
  ADDRESS_AT,
  CONTEXT,
  jumpIfAny,
  loadBytes,
  lookUp,
  type MemoryFilterOptions,
  type MemoryMaps,
  NETWORK_AT,
  NO_MEMORY,
  PROTOCOL,
  ROWS,
  SKB_PROTOCOL,
  TRANSPORT,
  TRANSPORT_AT,
} from "./parts.ts";

// IANA's protocol numbers.
export const IGMP = 2;
export const UDP = 17;
export const IPV6_FRAGMENT = 44;

/** From a row to the next: UDP's stands behind TCP's. */
export const UDP_ROW = 1 << 16;
/** An IPv4 address of the loopback network, 127.0.0.0/8, in its first byte. */
const LOOPBACK_NETWORK = 127;
/** The third word of an IPv4-mapped address, as the machine reads it. */
const MAPPED = 0xffff0000n;
/** ff00::/8, in its first byte. */
const IPV6_MULTICAST = 0xff;
const DESTINATION_PORT = 2;
const UDP_HEADER = 8;

/** The cases, from the network header on. */
export function incoming(
  options: MemoryFilterOptions,
  maps: MemoryMaps,
): Statement[] {
  return [
    ...ipv4(options),
    ...ipv6(options, maps),
    ...tcp(maps),
    ...udp(maps),
    ...sctp(options),
    ...icmp(options),
    ...otherProtocol(maps),
    ...unexpected(options, maps),
  ];
}

function ipv4({ outgoing = false }: MemoryFilterOptions): Statement[] {
  return [
    ...ipv4Header(),
    // Pings are no probes of ports, and groups are joined all day.
    jumpIf(PROTOCOL, "==", ICMP, outgoing ? "icmp" : "drop"),
    jumpIf(PROTOCOL, "==", IGMP, "drop"),
    load(2, R1, FRAME, NETWORK_AT + 6),
    swap(R1, 16),
    compute(R2, "=", R1),
    compute(R2, "&=", 0x1fff),
    jumpIf(PROTOCOL, "==", TCP, "fragment"),
    jumpIf(PROTOCOL, "==", SCTP, "fragment"),
    // Only the first fragment of a datagram has its ports.
    jumpIf(R2, "!=", 0, "drop"),
    jumpIf(PROTOCOL, "==", UDP, "udp"),
    jump("other protocol"),
    // A header can be cut up; the reassembler wants all that may be part of it.
    { label: "fragment" },
    jumpIf(R2, ">", LAST_HEADER_UNIT, "drop"),
    compute(R1, "&=", 0x3fff),
    jumpIf(R1, "!=", 0, "pass"),
    jumpIf(PROTOCOL, "==", TCP, "tcp"),
    jump("sctp"),
  ];
}

/** Loads an IPv4 header; what is too short or damaged comes up, to be counted. */
export function ipv4Header(): Statement[] {
  return [
    ...loadBytes(0, IPV4_HEADER, NETWORK_AT, "pass"),
    load(1, TRANSPORT, FRAME, NETWORK_AT),
    compute(TRANSPORT, "&=", 0xf),
    compute(TRANSPORT, "<<=", 2),
    jumpIf(TRANSPORT, "<", IPV4_HEADER, "pass"),
    load(1, PROTOCOL, FRAME, NETWORK_AT + 9),
    // Where an IPv6 header goes on. The verifier does not see that the version
    // of IP stays the same, and wants no byte read that may never be written.
    store(4, FRAME, NETWORK_AT + IPV4_HEADER, 0),
    store(8, FRAME, NETWORK_AT + IPV4_HEADER + 4, 0),
    store(8, FRAME, NETWORK_AT + IPV4_HEADER + 12, 0),
  ];
}

function ipv6(options: MemoryFilterOptions, maps: MemoryMaps): Statement[] {
  const { outgoing = false } = options;
  const otherExtensions = EXTENSION_HEADERS.filter((n) => n !== IPV6_FRAGMENT);
  return [
    { label: "incoming IPv6" },
    ...loadBytes(0, IPV6_HEADER, NETWORK_AT, "pass"),
    ...noteImpostor(options, maps),
    compute(TRANSPORT, "=", IPV6_HEADER),
    load(1, PROTOCOL, FRAME, NETWORK_AT + 6),
    jumpIf(PROTOCOL, "==", TCP, "tcp"),
    jumpIf(PROTOCOL, "==", UDP, "udp"),
    // Neighbours and pings.
    jumpIf(PROTOCOL, "==", ICMPV6, outgoing ? "icmpv6" : "drop"),
    jumpIf(PROTOCOL, "==", SCTP, "sctp"),
    // Whatever else they may hide is for the one who walks them all.
    ...jumpIfAny(PROTOCOL, otherExtensions, "extended"),
    jumpIf(PROTOCOL, "!=", IPV6_FRAGMENT, "other protocol"),
    // Large datagrams, as NFS sends: the first fragment has the ports.
    ...loadBytes(IPV6_HEADER, 8, TRANSPORT_AT, "extended"),
    load(1, R1, FRAME, TRANSPORT_AT),
    jumpIf(R1, "!=", UDP, "extended"),
    load(2, R1, FRAME, TRANSPORT_AT + 2),
    swap(R1, 16),
    compute(R1, ">>=", 3),
    jumpIf(R1, "!=", 0, "drop"),
    compute(TRANSPORT, "=", IPV6_HEADER + 8),
    jump("udp"),
  ];
}

/**
 * Notes when somebody else has used an IPv6 address of the host's: what is passed
 * on may be in its name. What it sends to groups comes back now and then.
 */
function noteImpostor(
  { key }: MemoryFilterOptions,
  { addresses, impostor, clock }: MemoryMaps,
): Statement[] {
  return [
    jumpIf(ROWS, "signed >", 0, "no impostor"), // on the loopback interface
    load(1, R1, FRAME, NETWORK_AT + 24),
    jumpIf(R1, "==", IPV6_MULTICAST, "no impostor"),
    load(8, R1, FRAME, NETWORK_AT + 8),
    load(8, R2, FRAME, NETWORK_AT + 16),
    ...ifLocalAddress("impostor", addresses, key, ADDRESS_AT, "impostor"),
    jump("no impostor"),
    { label: "impostor" },
    ...readClock("impostor", clock),
    compute(TRANSPORT, "=", R0),
    compute(R1, "=", 0),
    ...lookUp(impostor, R1, "no impostor"),
    store(4, R0, 0, TRANSPORT),
    { label: "no impostor" },
  ];
}

function tcp({ ports, clock }: MemoryMaps): Statement[] {
  return [
    { label: "tcp" },
    ...loadBytes(TRANSPORT, TCP_FLAGS + 1, TRANSPORT_AT, "pass"),
    load(1, R1, FRAME, TRANSPORT_AT + TCP_FLAGS),
    ...jumpIfAny(R1, BULK_FLAGS, "bulk"),
    // It opens, ends or breaks a connection, or has never been part of one.
    jump("pass"),
    { label: "bulk" },
    jumpIf(ROWS, "==", NO_MEMORY, "drop"),
    load(2, PROTOCOL, FRAME, TRANSPORT_AT + DESTINATION_PORT),
    swap(PROTOCOL, 16),
    compute(PROTOCOL, "+=", ROWS),
    ...lookUp(ports, PROTOCOL, "pass"),
    // Established connections: this is where most packets end.
    ...dropIfWithin("tcp", TCP_IN_USE, clock),
    jump("unexpected"),
  ];
}

function udp({ ports, receivers, clock }: MemoryMaps): Statement[] {
  return [
    { label: "udp" },
    jumpIf(ROWS, "==", NO_MEMORY, "drop"),
    ...loadBytes(TRANSPORT, UDP_HEADER, TRANSPORT_AT, "pass"),
    load(2, PROTOCOL, FRAME, TRANSPORT_AT + DESTINATION_PORT),
    swap(PROTOCOL, 16),
    compute(PROTOCOL, "+=", ROWS),
    compute(PROTOCOL, "+=", UDP_ROW),
    ...lookUp(ports, PROTOCOL, "pass"),
    ...dropIfWithin("udp", UDP_IN_USE, clock),
    // Sockets that only receive, as syslog's, never send.
    compute(PROTOCOL, "&=", 0xffff),
    ...lookUp(receivers, PROTOCOL, "pass"),
    load(4, R1, R0, 0),
    jumpIf(ROWS, "==", 0, "receivers outside"),
    compute(R1, ">>=", 1),
    { label: "receivers outside" },
    jumpIf(R1, "&", 1, "drop"),
    jump("unexpected"),
  ];
}

/** How other hosts refuse what this one has sent. */
function icmp({ outgoing = false }: MemoryFilterOptions): Statement[] {
  if (!outgoing) return [];
  return [
    { label: "icmp" },
    load(2, R1, FRAME, NETWORK_AT + 6),
    swap(R1, 16),
    jumpIf(R1, "&", 0x3fff, "drop"),
    ...loadBytes(TRANSPORT, 2, TRANSPORT_AT, "pass"),
    load(2, R1, FRAME, TRANSPORT_AT),
    swap(R1, 16),
    ...jumpIfAny(R1, ICMP_REFUSALS, "pass"),
    jump("drop"),
    { label: "icmpv6" },
    ...loadBytes(TRANSPORT, 2, TRANSPORT_AT, "pass"),
    load(2, R1, FRAME, TRANSPORT_AT),
    swap(R1, 16),
    ...jumpIfAny(R1, ICMPV6_REFUSALS, "pass"),
    jump("drop"),
  ];
}

function sctp({ outgoing = false }: MemoryFilterOptions): Statement[] {
  return [
    { label: "sctp" },
    ...loadBytes(TRANSPORT, CHUNK_TYPE + 1, TRANSPORT_AT, "pass"),
    load(1, R1, FRAME, TRANSPORT_AT + CHUNK_TYPE),
    ...jumpIfAny(R1, SCTP_PROBES, "pass"),
    ...jumpIfAny(R1, outgoing ? SCTP_ANSWERS : [], "pass"),
    jump("drop"),
  ];
}

function otherProtocol({ protocols, clock }: MemoryMaps): Statement[] {
  return [
    { label: "other protocol" },
    jumpIf(ROWS, "==", NO_MEMORY, "drop"),
    ...lookUp(protocols, PROTOCOL, "pass"),
    ...loopbackWord("other protocol"),
    // Tunnels and the like that the host takes part in.
    ...dropIfWithin("protocol", PROTOCOL_IN_USE, clock),
    jump("unexpected"),
  ];
}

/** Moves R0 to the loopback interface's word if the packet is there. */
export function loopbackWord(name: string): Statement[] {
  return [
    jumpIf(ROWS, "==", 0, `${name}, outside`),
    compute(R0, "+=", 4),
    { label: `${name}, outside` },
  ];
}

/** Drops the packet if the second that R0 points to is not longer ago. */
function dropIfWithin(
  name: string,
  seconds: number,
  clock: number,
): Statement[] {
  return [
    load(4, TRANSPORT, R0, 0),
    compute(TRANSPORT, "&=", TRANSLATED - 1),
    jumpIf(TRANSPORT, "==", 0, `${name}, never`),
    ...readClock(name, clock),
    compute(R0, "-=", TRANSPORT),
    jumpIf(R0, "signed >", seconds, `${name}, never`),
    jump("drop"),
    { label: `${name}, never` },
  ];
}

/**
 * Nothing was sent from there lately: it comes up if it goes to this host, and
 * not to a group or, through it, to another host.
 */
function unexpected(
  { key }: MemoryFilterOptions,
  { addresses }: MemoryMaps,
): Statement[] {
  return [
    { label: "unexpected" },
    load(4, R1, CONTEXT, SKB_PROTOCOL),
    swap(R1, 16),
    jumpIf(R1, "==", ETH_P_IPV6, "unexpected IPv6"),
    ...ipv4Address(NETWORK_AT + 16),
    compute(R0, "=", R2),
    compute(R0, ">>=", 32),
    compute(R0, "&=", 0xff),
    jumpIf(R0, "==", LOOPBACK_NETWORK, "pass"),
    jump("destination"),
    { label: "unexpected IPv6" },
    load(8, R1, FRAME, NETWORK_AT + 24),
    load(8, R2, FRAME, NETWORK_AT + 32),
    { label: "destination" },
    ...ifLocalAddress("destination", addresses, key, ADDRESS_AT, "pass"),
    jump("drop"),
  ];
}

/** Sets R1 and R2 to the halves of an IPv4 address in its mapped form. */
export function ipv4Address(at: number): Statement[] {
  return [
    load(4, R2, FRAME, at),
    compute(R2, "<<=", 32),
    compute(R1, "=", Number(MAPPED >> 16n)),
    compute(R1, "<<=", 16),
    compute(R2, "|=", R1),
    compute(R1, "=", 0),
  ];
}
