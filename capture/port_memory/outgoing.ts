/**
 * What leaves: what the host sends writes its times, and only what the rules
 * want to see of it comes up.
 *
 * @module
 */

import { TRANSLATED } from "../../detect/probe/port_memory.ts";
import {
  compute,
  FRAME,
  jump,
  jumpIf,
  load,
  R0,
  R1,
  type Statement,
  store,
  swap,
} from "../../ffi/ebpf.ts";
import {
  ACK,
  CHUNK_TYPE,
  EXTENSION_HEADERS,
  FIN,
  ICMP,
  ICMP_REFUSALS,
  ICMPV6,
  ICMPV6_REFUSALS,
  IPV6_HEADER,
  RST,
  SCTP,
  SCTP_ANSWERS,
  SCTP_PROBES,
  SYN,
  TCP,
  TCP_FLAGS,
} from "../header_fields.ts";
import {
  IGMP,
  ipv4Header,
  IPV6_FRAGMENT,
  loopbackWord,
  UDP,
  UDP_ROW,
} from "./incoming.ts";
import { readClock } from "./clock.ts";
import { type Field, whoseIsIt } from "./origin.ts";
import {
  jumpIfAny,
  loadBytes,
  lookUp,
  type MemoryFilterOptions,
  type MemoryMaps,
  NETWORK_AT,
  NO_MEMORY,
  ORIGIN_AT,
  PROTOCOL,
  ROWS,
  TRANSPORT,
  TRANSPORT_AT,
} from "./parts.ts";

const AUTHENTICATION_HEADER = 51;
/** So many extension headers are walked; a packet with more comes up. */
const LONGEST_WALK = 4;

/** The cases, from the network header on. */
export function outgoing(
  options: MemoryFilterOptions,
  maps: MemoryMaps,
  field: Field,
): Statement[] {
  return [
    ...ipv4(),
    ...ipv6(),
    ...whoseIsIt(options, maps, field),
    ...byProtocol(maps, options.outgoing ?? false),
  ];
}

function ipv4(): Statement[] {
  return [
    ...ipv4Header(),
    // Refusals are small, and of others the first fragment has told the port.
    load(2, R1, FRAME, NETWORK_AT + 6),
    swap(R1, 16),
    compute(R1, "&=", 0x1fff),
    jumpIf(R1, "!=", 0, "drop"),
    jump("whose is it"),
  ];
}

function ipv6(): Statement[] {
  const steps = Array.from({ length: LONGEST_WALK }, (_, i) => [
    { label: `header ${i}` },
    ...extension(`header ${i}`, `header ${i + 1}`),
  ]).flat();
  return [
    { label: "outgoing IPv6" },
    ...loadBytes(0, IPV6_HEADER, NETWORK_AT, "pass"),
    compute(TRANSPORT, "=", IPV6_HEADER),
    load(1, PROTOCOL, FRAME, NETWORK_AT + 6),
    ...steps,
    { label: `header ${LONGEST_WALK}` },
    ...jumpIfAny(PROTOCOL, EXTENSION_HEADERS, "extended"),
  ];
}

/** Walks over one extension header, or goes to the end of the walk. */
function extension(name: string, next: string): Statement[] {
  return [
    ...jumpIfAny(PROTOCOL, EXTENSION_HEADERS, `${name}, extension`),
    jump("whose is it"),
    { label: `${name}, extension` },
    ...loadBytes(TRANSPORT, 8, TRANSPORT_AT, "extended"),
    load(1, R1, FRAME, TRANSPORT_AT + 1),
    jumpIf(PROTOCOL, "==", IPV6_FRAGMENT, `${name}, fragment`),
    jumpIf(PROTOCOL, "==", AUTHENTICATION_HEADER, `${name}, authentication`),
    compute(R1, "+=", 1),
    compute(R1, "<<=", 3), // RFC 8200, 4.2: units of 8 beyond the first
    jump(`${name}, over`),
    { label: `${name}, authentication` },
    compute(R1, "+=", 2),
    compute(R1, "<<=", 2), // RFC 4302, 2.2: units of 4, less 2
    jump(`${name}, over`),
    { label: `${name}, fragment` },
    load(2, R1, FRAME, TRANSPORT_AT + 2),
    swap(R1, 16),
    compute(R1, ">>=", 3),
    jumpIf(R1, "!=", 0, "drop"),
    compute(R1, "=", 8),
    { label: `${name}, over` },
    compute(TRANSPORT, "+=", R1),
    load(1, PROTOCOL, FRAME, TRANSPORT_AT),
    jump(next),
  ];
}

function byProtocol(maps: MemoryMaps, outgoing: boolean): Statement[] {
  return [
    { label: "by protocol" },
    jumpIf(PROTOCOL, "==", TCP, "sent tcp"),
    jumpIf(PROTOCOL, "==", UDP, "sent udp"),
    ...jumpIfAny(PROTOCOL, [ICMP, ICMPV6], "sent icmp"),
    jumpIf(PROTOCOL, "==", SCTP, "sent sctp"),
    jumpIf(PROTOCOL, "==", IGMP, "drop"),
    ...otherProtocol(maps),
    ...tcp(outgoing),
    ...udp(),
    ...sent(maps),
    ...icmp(),
    ...sctp(outgoing),
  ];
}

/** The host takes part in that protocol. */
function otherProtocol({ protocols, clock }: MemoryMaps): Statement[] {
  return [
    jumpIf(ROWS, "==", NO_MEMORY, "drop"),
    ...lookUp(protocols, PROTOCOL, "drop"),
    ...loopbackWord("sent protocol"),
    compute(TRANSPORT, "=", R0),
    ...readClock("sent protocol", clock),
    ...writeIfNew(0),
    jump("drop"),
  ];
}

/** Stores R0 at the element that TRANSPORT points to, unless it is there. */
function writeIfNew(offset: number): Statement[] {
  return [
    load(4, R1, TRANSPORT, offset),
    jumpIf(R1, "==", R0, "drop"),
    store(4, TRANSPORT, offset, R0),
  ];
}

function tcp(outgoing: boolean): Statement[] {
  return [
    { label: "sent tcp" },
    ...loadBytes(TRANSPORT, TCP_FLAGS + 1, TRANSPORT_AT, "pass"),
    load(1, TRANSPORT, FRAME, TRANSPORT_AT + TCP_FLAGS),
    // A RST with ACK answers what the rules have counted when it came; one
    // without proves what they may not have seen.
    jumpIf(TRANSPORT, "&", RST, "refused"),
    // What has none of these flags is no part of any connection.
    ...(outgoing ? [jumpIf(TRANSPORT, "&", FIN | SYN | ACK, "ordinary")] : []),
    ...(outgoing ? [jump("pass"), { label: "ordinary" }] : []),
    jumpIf(ROWS, "==", NO_MEMORY, "forwarded tcp"),
    load(2, PROTOCOL, FRAME, TRANSPORT_AT),
    swap(PROTOCOL, 16),
    compute(PROTOCOL, "+=", ROWS),
    jump("sent"),
    { label: "refused" },
    jumpIf(TRANSPORT, "&", ACK, "drop"),
    jump("pass"),
    // As without the memory.
    { label: "forwarded tcp" },
    jumpIf(TRANSPORT, "&", FIN | SYN, "pass"),
    jump("drop"),
  ];
}

function udp(): Statement[] {
  return [
    { label: "sent udp" },
    jumpIf(ROWS, "==", NO_MEMORY, "drop"),
    ...loadBytes(TRANSPORT, 2, TRANSPORT_AT, "pass"),
    load(2, PROTOCOL, FRAME, TRANSPORT_AT),
    swap(PROTOCOL, 16),
    compute(PROTOCOL, "+=", ROWS),
    compute(PROTOCOL, "+=", UDP_ROW),
    compute(TRANSPORT, "=", 0),
  ];
}

/**
 * Writes when the port that PROTOCOL stands for has sent, and if TRANSPORT holds
 * the flags of a SYN-ACK, that it has opened.
 */
function sent({ ports, clock }: MemoryMaps): Statement[] {
  return [
    { label: "sent" },
    compute(R1, "=", PROTOCOL),
    compute(PROTOCOL, "=", TRANSPORT),
    ...lookUp(ports, R1, "drop"),
    compute(TRANSPORT, "=", R0),
    ...readClock("sent", clock),
    load(4, R1, FRAME, ORIGIN_AT),
    compute(R0, "|=", R1),
    // Most have sent within this second: memory that all processors read must
    // not be written without need.
    load(4, R1, TRANSPORT, 0),
    jumpIf(R1, "==", R0, "sent is known"),
    store(4, TRANSPORT, 0, R0),
    { label: "sent is known" },
    jumpIf(PROTOCOL, "&", SYN, "sent SYN"),
    // The end of a connection is an answer to whoever began or ends it.
    jumpIf(PROTOCOL, "&", FIN, "pass"),
    jump("drop"),
    { label: "sent SYN" },
    jumpIf(PROTOCOL, "&", ACK, "opened"),
    // A connection of our own opens nothing.
    jump("pass"),
    { label: "opened" },
    compute(R0, "&=", TRANSLATED - 1),
    load(4, R1, TRANSPORT, 4),
    jumpIf(R1, "==", R0, "pass"),
    store(4, TRANSPORT, 4, R0),
    jump("pass"),
  ];
}

function icmp(): Statement[] {
  return [
    { label: "sent icmp" },
    ...loadBytes(TRANSPORT, 2, TRANSPORT_AT, "pass"),
    load(2, R1, FRAME, TRANSPORT_AT),
    swap(R1, 16),
    jumpIf(PROTOCOL, "==", ICMPV6, "sent icmpv6"),
    ...jumpIfAny(R1, ICMP_REFUSALS, "pass"),
    jump("drop"),
    { label: "sent icmpv6" },
    ...jumpIfAny(R1, ICMPV6_REFUSALS, "pass"),
    jump("drop"),
  ];
}

function sctp(outgoing: boolean): Statement[] {
  return [
    { label: "sent sctp" },
    ...loadBytes(TRANSPORT, CHUNK_TYPE + 1, TRANSPORT_AT, "pass"),
    load(1, R1, FRAME, TRANSPORT_AT + CHUNK_TYPE),
    ...jumpIfAny(R1, SCTP_ANSWERS, "pass"),
    ...jumpIfAny(R1, outgoing ? SCTP_PROBES : [], "pass"),
    jump("drop"),
  ];
}
