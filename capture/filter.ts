/**
 * The filter that the kernel runs on each packet, before it costs us anything:
 * classic BPF (linux/filter.h), for a packet socket of type SOCK_DGRAM, where
 * offset 0 is the network header.
 *
 * @module
 */

import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../ffi/linux.ts";
import {
  ALU_AND,
  assemble,
  JUMP_ANY_BIT,
  JUMP_EQUAL,
  JUMP_GREATER,
  LD_BYTE_ABS,
  LD_BYTE_IND,
  LD_HALF_ABS,
  LD_HALF_IND,
  LD_WORD_ABS,
  LDX_IMMEDIATE,
  LDX_IPV4_HEADER_LENGTH,
  type PackedProgram,
  RETURN,
  type Statement,
} from "../ffi/bpf.ts";
import {
  ACK,
  BULK_FLAGS,
  CHUNK_TYPE,
  EXTENDED_SNAP_LENGTH,
  EXTENSION_HEADERS,
  FIN,
  FRAGMENT_AND_PROTOCOL,
  ICMP,
  ICMP_REFUSALS,
  ICMPV6,
  ICMPV6_REFUSALS,
  IPV4_HEADER,
  IPV4_WITHOUT_OPTIONS,
  IPV6_HEADER,
  LAST_HEADER_UNIT,
  RST,
  SCTP,
  SCTP_ANSWERS,
  SCTP_PROBES,
  SNAP_LENGTH,
  SYN,
  TCP,
  TCP_FLAGS,
  VLAN_NUMBER,
} from "./header_fields.ts";

// linux/filter.h: ancillary data stand at these negative offsets.
const AD_PROTOCOL = 0xfffff000;
const AD_PACKET_TYPE = 0xfffff000 + 4;

/** What the filter lets through. */
export interface FilterOptions {
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /**
   * What the rules beyond the classic one look at as well: SCTP, and how this
   * host answers.
   */
  evidence: boolean;
  /**
   * What tells of scans by this host as well [false]: all that opens a
   * connection, and how other hosts refuse it. Only with evidence.
   */
  outgoing?: boolean;
}

/**
 * The program that keeps everything in the kernel but what a rule may need: of
 * what comes, TCP segments that are no bulk traffic, and fragments; of what this
 * host sends, nothing, or its refusals and the answers of open ports.
 */
export function kernelFilter(options: FilterOptions): PackedProgram {
  const { evidence, outgoing = false } = options;
  return assemble([
    ...packetType(options),
    { code: LD_WORD_ABS, k: AD_PROTOCOL },
    { code: JUMP_EQUAL, k: ETH_P_IP, ifTrue: "ipv4" },
    { code: JUMP_EQUAL, k: ETH_P_IPV6, ifTrue: "ipv6" },
    ...priorityTag(),
    ...(evidence ? sent(outgoing) : []),
    ...ipv4(options),
    ...ipv6(options),
    { label: "accept" },
    { code: RETURN, k: SNAP_LENGTH },
    { label: "accept-extended" },
    { code: RETURN, k: EXTENDED_SNAP_LENGTH },
    { label: "drop" },
    { code: RETURN, k: 0 },
  ]);
}

function packetType(
  { promiscuous, evidence }: FilterOptions,
): Statement[] {
  return [
    { code: LD_WORD_ABS, k: AD_PACKET_TYPE },
    {
      code: JUMP_EQUAL,
      k: PACKET_OUTGOING,
      ifTrue: evidence ? "outgoing" : "drop",
    },
    ...dropIfAny(promiscuous ? [] : [PACKET_OTHERHOST]),
  ];
}

/**
 * The kernel takes a VLAN tag off before it asks us. If it was a priority tag,
 * whose VLAN is 0, and another one follows, the host goes on to what is behind
 * them all. Nobody honest stacks those, so they come up whatever they carry.
 */
function priorityTag(): Statement[] {
  return [
    { code: JUMP_EQUAL, k: ETH_P_8021Q, ifTrue: "tag" },
    { code: JUMP_EQUAL, k: ETH_P_8021AD, ifTrue: "tag", ifFalse: "drop" },
    { label: "tag" },
    { code: LD_HALF_ABS, k: 0 },
    {
      code: JUMP_ANY_BIT,
      k: VLAN_NUMBER,
      ifTrue: "drop",
      ifFalse: "accept-extended",
    },
  ];
}

function ipv4({ evidence, outgoing = false }: FilterOptions): Statement[] {
  return [
    ...plainIpv4Tcp("ipv4", "ipv4-other"),
    ...dropIfAny(BULK_FLAGS),
    { code: RETURN, k: SNAP_LENGTH },
    { label: "ipv4-other" },
    { code: LD_BYTE_ABS, k: 9 },
    ...jumpIfAny(evidence ? [SCTP] : [], "ipv4-sctp"),
    ...jumpIfAny(outgoing ? [ICMP] : [], "ipv4-icmp"),
    { code: JUMP_EQUAL, k: TCP, ifFalse: "drop" },
    ...ipv4Fragment(),
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    { code: LD_BYTE_IND, k: TCP_FLAGS },
    ...dropIfAny(BULK_FLAGS),
    { code: RETURN, k: SNAP_LENGTH },
    ...(evidence ? ipv4Sctp(outgoing) : []),
    ...(outgoing ? ipv4Icmp() : []),
    { label: "fragment" },
    { code: ALU_AND, k: 0x1fff },
    {
      code: JUMP_GREATER,
      k: LAST_HEADER_UNIT,
      ifTrue: "drop",
      ifFalse: "accept",
    },
  ];
}

/**
 * Goes on with the flags of TCP that is no fragment and has no IPv4 options, as
 * bulk traffic is, and jumps elsewhere with anything else. All loads are at fixed
 * offsets, which the kernel's compiler turns into a comparison and a load: one
 * by the index register is a call, which costs more than all the rest.
 */
function plainIpv4Tcp(label: string, other: string): Statement[] {
  return [
    { label },
    { code: LD_WORD_ABS, k: 6 },
    { code: ALU_AND, k: FRAGMENT_AND_PROTOCOL },
    { code: JUMP_EQUAL, k: TCP, ifFalse: other },
    { code: LD_BYTE_ABS, k: 0 },
    { code: JUMP_EQUAL, k: IPV4_WITHOUT_OPTIONS, ifFalse: other },
    { code: LD_BYTE_ABS, k: IPV4_HEADER + TCP_FLAGS },
  ];
}

/** Decides on fragments, and goes on with what is none. */
function ipv4Fragment(): Statement[] {
  return [
    { code: LD_HALF_ABS, k: 6 },
    { code: JUMP_ANY_BIT, k: 0x1fff, ifTrue: "fragment" },
    { code: JUMP_ANY_BIT, k: 0x2000, ifTrue: "accept" },
  ];
}

function ipv4Sctp(outgoing: boolean): Statement[] {
  return [
    { label: "ipv4-sctp" },
    ...ipv4Fragment(),
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    ...acceptChunks(chunksTo(outgoing)),
  ];
}

/** Chunks that may come, which are answers too if we are asked about our own. */
function chunksTo(outgoing: boolean): readonly number[] {
  return outgoing ? [...SCTP_PROBES, ...SCTP_ANSWERS] : SCTP_PROBES;
}

function ipv4Icmp(): Statement[] {
  return [
    { label: "ipv4-icmp" },
    { code: LD_HALF_ABS, k: 6 },
    { code: JUMP_ANY_BIT, k: 0x3fff, ifTrue: "drop" },
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    { code: LD_HALF_IND, k: 0 },
    ...acceptOnly(ICMP_REFUSALS),
  ];
}

function ipv6({ evidence, outgoing = false }: FilterOptions): Statement[] {
  return [
    { label: "ipv6" },
    { code: LD_BYTE_ABS, k: 6 },
    { code: JUMP_EQUAL, k: TCP, ifTrue: "ipv6-tcp" },
    ...jumpIfAny(EXTENSION_HEADERS, "accept-extended"),
    ...jumpIfAny(evidence ? [SCTP] : [], "ipv6-sctp"),
    ...jumpIfAny(outgoing ? [ICMPV6] : [], "ipv6-icmp"),
    { code: RETURN, k: 0 },
    ...(evidence ? ipv6Sctp(outgoing) : []),
    ...(outgoing ? ipv6Icmp() : []),
    { label: "ipv6-tcp" },
    { code: LD_BYTE_ABS, k: IPV6_HEADER + TCP_FLAGS },
    ...dropIfAny(BULK_FLAGS),
  ];
}

function ipv6Icmp(): Statement[] {
  return [
    { label: "ipv6-icmp" },
    { code: LD_HALF_ABS, k: IPV6_HEADER },
    ...acceptOnly(ICMPV6_REFUSALS),
  ];
}

function ipv6Sctp(outgoing: boolean): Statement[] {
  return [
    { label: "ipv6-sctp" },
    { code: LDX_IMMEDIATE, k: IPV6_HEADER },
    ...acceptChunks(chunksTo(outgoing)),
  ];
}

/**
 * What this host answers. Its fragments and IPv6 packets with extension headers
 * are none of it: refusals are small, and their headers plain.
 */
function sent(outgoing: boolean): Statement[] {
  return [
    { label: "outgoing" },
    { code: LD_WORD_ABS, k: AD_PROTOCOL },
    { code: JUMP_EQUAL, k: ETH_P_IPV6, ifTrue: "ipv6-answer" },
    { code: JUMP_EQUAL, k: ETH_P_IP, ifFalse: "drop" },
    ...ipv4Answer(outgoing),
    ...ipv6Answer(outgoing),
    { label: "sctp-answer" },
    { code: LD_BYTE_IND, k: CHUNK_TYPE },
    ...acceptOnly(outgoing ? [...SCTP_ANSWERS, ...SCTP_PROBES] : SCTP_ANSWERS),
    { label: "icmp-answer" },
    { code: LD_HALF_IND, k: 0 },
    ...acceptOnly(ICMP_REFUSALS),
    { label: "icmpv6-answer" },
    { code: LD_HALF_IND, k: 0 },
    ...acceptOnly(ICMPV6_REFUSALS),
  ];
}

function ipv4Answer(outgoing: boolean): Statement[] {
  return [
    ...plainIpv4Tcp("ipv4-answer", "ipv4-other-answer"),
    ...tcpAnswer(outgoing),
    { label: "ipv4-other-answer" },
    { code: LD_HALF_ABS, k: 6 },
    { code: JUMP_ANY_BIT, k: 0x3fff, ifTrue: "drop" },
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    { code: LD_BYTE_ABS, k: 9 },
    { code: JUMP_EQUAL, k: ICMP, ifTrue: "icmp-answer" },
    { code: JUMP_EQUAL, k: SCTP, ifTrue: "sctp-answer" },
    { code: JUMP_EQUAL, k: TCP, ifFalse: "drop" },
    { code: LD_BYTE_IND, k: TCP_FLAGS },
    ...tcpAnswer(outgoing),
  ];
}

function ipv6Answer(outgoing: boolean): Statement[] {
  return [
    { label: "ipv6-answer" },
    { code: LD_BYTE_ABS, k: 6 },
    { code: JUMP_EQUAL, k: TCP, ifFalse: "ipv6-other-answer" },
    { code: LD_BYTE_ABS, k: IPV6_HEADER + TCP_FLAGS },
    ...tcpAnswer(outgoing),
    { label: "ipv6-other-answer" },
    { code: LDX_IMMEDIATE, k: IPV6_HEADER },
    { code: JUMP_EQUAL, k: ICMPV6, ifTrue: "icmpv6-answer" },
    { code: JUMP_EQUAL, k: SCTP, ifTrue: "sctp-answer", ifFalse: "drop" },
  ];
}

/**
 * Goes by the flags: SYNs and FINs tell which ports have connections. A RST with
 * ACK answers what the rules have counted when it came.
 */
function tcpAnswer(outgoing: boolean): Statement[] {
  return [
    { code: JUMP_ANY_BIT, k: FIN | SYN, ifTrue: "accept" },
    { code: ALU_AND, k: RST | ACK },
    // What has none of these flags is no part of any connection.
    ...jumpIfAny(outgoing ? [0] : [], "accept"),
    { code: JUMP_EQUAL, k: RST, ifTrue: "accept", ifFalse: "drop" },
  ];
}

/** Looks at the chunk that follows the SCTP header at the index register. */
function acceptChunks(types: readonly number[]): Statement[] {
  return [{ code: LD_BYTE_IND, k: CHUNK_TYPE }, ...acceptOnly(types)];
}

function acceptOnly(values: readonly number[]): Statement[] {
  return [...jumpIfAny(values, "accept"), { code: RETURN, k: 0 }];
}

function jumpIfAny(values: readonly number[], label: string): Statement[] {
  return values.map((k) => ({ code: JUMP_EQUAL, k, ifTrue: label }));
}

function dropIfAny(values: readonly number[]): Statement[] {
  return jumpIfAny(values, "drop");
}
