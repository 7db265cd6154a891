/**
 * The filter that the kernel runs on each packet, before it costs us anything:
 * classic BPF (linux/filter.h), for a packet socket of type SOCK_DGRAM, where
 * offset 0 is the network header.
 *
 * @module
 */

import {
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
} from "../ffi/linux.ts";
import {
  ALU_AND,
  type FilterInstruction,
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
  RETURN,
} from "../ffi/bpf.ts";

// linux/filter.h: ancillary data stand at these negative offsets.
const AD_PROTOCOL = 0xfffff000;
const AD_PACKET_TYPE = 0xfffff000 + 4;

// IANA's protocol numbers.
const ICMP = 1;
const TCP = 6;
const ICMPV6 = 58;
const SCTP = 132;

/** An IPv4 header without options (RFC 791, 3.1): its length, its first byte. */
const IPV4_HEADER = 20;
const IPV4_WITHOUT_OPTIONS = 0x45;
/**
 * Of the word from offset 6 on: More Fragments and the fragment offset, which
 * are 0 in what is no fragment, and the protocol.
 */
const FRAGMENT_AND_PROTOCOL = 0x3fff00ff;
const IPV6_HEADER = 40;

/** Flags of established bulk traffic: exactly ACK, exactly PSH and ACK. */
const BULK_FLAGS = [0x10, 0x18];
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
/** Where the TCP header has its flags (RFC 9293, 3.1). */
const TCP_FLAGS = 13;

/** Where an SCTP packet has its first chunk's type (RFC 9260, 3.1, 3.2). */
const CHUNK_TYPE = 12;
/** What opens an association, or tries to: INIT and COOKIE ECHO. */
const SCTP_PROBES = [1, 10];
/** What answers that: INIT ACK and ABORT. */
const SCTP_ANSWERS = [2, 6];

/**
 * Type and code of the ICMP errors by which a host or its firewall refuses (RFC
 * 792, RFC 1122, RFC 1812): destination unreachable with code 2 (protocol), 3
 * (port), 9, 10 or 13 (prohibited).
 */
const ICMP_REFUSALS = [0x0302, 0x0303, 0x0309, 0x030a, 0x030d];
/** The same of ICMPv6 (RFC 4443, 3.1): prohibited, port, policy, route. */
const ICMPV6_REFUSALS = [0x0101, 0x0104, 0x0105, 0x0106];

/** IPv6 extension headers: hop-by-hop, routing, fragment, AH, destination. */
const EXTENSION_HEADERS = [0, 43, 44, 51, 60];
/** The last fragment offset, in units of 8 bytes, that holds header bytes. */
const LAST_HEADER_UNIT = 2;

/**
 * Enough for the longest headers that are decoded, in bytes. The longest that is
 * sent is an ICMP error: 60 bytes of IPv4 header, 8 of its own, 60 of the quoted
 * IPv4 header and 20 of what that carries; over IPv6 it leaves 84 for extension
 * headers that it quotes.
 */
export const SNAP_LENGTH = 192;

/** One instruction; jumps name the label they go to, or fall through. */
interface Instruction {
  label?: string;
  code: number;
  k: number;
  ifTrue?: string;
  ifFalse?: string;
}

/** What the filter lets through. */
export interface FilterOptions {
  /** Packets for other hosts as well. */
  promiscuous: boolean;
  /**
   * What the rules beyond the classic one look at as well: SCTP, and how this
   * host answers.
   */
  evidence: boolean;
}

/**
 * The program that keeps everything in the kernel but what a rule may need: of
 * what comes, TCP segments that are no bulk traffic, and fragments; of what this
 * host sends, nothing, or its refusals and the answers of open ports.
 */
export function kernelFilter(options: FilterOptions): FilterInstruction[] {
  const { evidence } = options;
  return assemble([
    ...packetType(options),
    { code: LD_WORD_ABS, k: AD_PROTOCOL },
    { code: JUMP_EQUAL, k: ETH_P_IP, ifTrue: "ipv4" },
    { code: JUMP_EQUAL, k: ETH_P_IPV6, ifTrue: "ipv6", ifFalse: "drop" },
    ...(evidence ? outgoing() : []),
    ...ipv4(evidence),
    ...ipv6(evidence),
    { label: "accept", code: RETURN, k: SNAP_LENGTH },
    { label: "drop", code: RETURN, k: 0 },
  ]);
}

function packetType(
  { promiscuous, evidence }: FilterOptions,
): Instruction[] {
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

function ipv4(evidence: boolean): Instruction[] {
  return [
    ...plainIpv4Tcp("ipv4", "ipv4-other"),
    ...dropIfAny(BULK_FLAGS),
    { code: RETURN, k: SNAP_LENGTH },
    { label: "ipv4-other", code: LD_BYTE_ABS, k: 9 },
    ...jumpIfAny(evidence ? [SCTP] : [], "ipv4-sctp"),
    { code: JUMP_EQUAL, k: TCP, ifFalse: "drop" },
    ...ipv4Fragment(),
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    { code: LD_BYTE_IND, k: TCP_FLAGS },
    ...dropIfAny(BULK_FLAGS),
    { code: RETURN, k: SNAP_LENGTH },
    ...(evidence ? ipv4Sctp() : []),
    { label: "fragment", code: ALU_AND, k: 0x1fff },
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
function plainIpv4Tcp(label: string, other: string): Instruction[] {
  return [
    { label, code: LD_WORD_ABS, k: 6 },
    { code: ALU_AND, k: FRAGMENT_AND_PROTOCOL },
    { code: JUMP_EQUAL, k: TCP, ifFalse: other },
    { code: LD_BYTE_ABS, k: 0 },
    { code: JUMP_EQUAL, k: IPV4_WITHOUT_OPTIONS, ifFalse: other },
    { code: LD_BYTE_ABS, k: IPV4_HEADER + TCP_FLAGS },
  ];
}

/** Decides on fragments, and goes on with what is none. */
function ipv4Fragment(): Instruction[] {
  return [
    { code: LD_HALF_ABS, k: 6 },
    { code: JUMP_ANY_BIT, k: 0x1fff, ifTrue: "fragment" },
    { code: JUMP_ANY_BIT, k: 0x2000, ifTrue: "accept" },
  ];
}

function ipv4Sctp(): Instruction[] {
  const [first, ...others] = ipv4Fragment();
  return [
    { ...first, label: "ipv4-sctp" },
    ...others,
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    ...acceptChunks(SCTP_PROBES),
  ];
}

function ipv6(evidence: boolean): Instruction[] {
  return [
    { label: "ipv6", code: LD_BYTE_ABS, k: 6 },
    { code: JUMP_EQUAL, k: TCP, ifTrue: "ipv6-tcp" },
    ...jumpIfAny(EXTENSION_HEADERS, "accept"),
    ...jumpIfAny(evidence ? [SCTP] : [], "ipv6-sctp"),
    { code: RETURN, k: 0 },
    ...(evidence ? ipv6Sctp() : []),
    { label: "ipv6-tcp", code: LD_BYTE_ABS, k: IPV6_HEADER + TCP_FLAGS },
    ...dropIfAny(BULK_FLAGS),
  ];
}

function ipv6Sctp(): Instruction[] {
  return [
    { label: "ipv6-sctp", code: LDX_IMMEDIATE, k: IPV6_HEADER },
    ...acceptChunks(SCTP_PROBES),
  ];
}

/**
 * What this host answers. Its fragments and IPv6 packets with extension headers
 * are none of it: refusals are small, and their headers plain.
 */
function outgoing(): Instruction[] {
  return [
    { label: "outgoing", code: LD_WORD_ABS, k: AD_PROTOCOL },
    { code: JUMP_EQUAL, k: ETH_P_IPV6, ifTrue: "ipv6-answer" },
    { code: JUMP_EQUAL, k: ETH_P_IP, ifFalse: "drop" },
    ...ipv4Answer(),
    ...ipv6Answer(),
    { label: "sctp-answer", code: LD_BYTE_IND, k: CHUNK_TYPE },
    ...acceptOnly(SCTP_ANSWERS),
    { label: "icmp-answer", code: LD_HALF_IND, k: 0 },
    ...acceptOnly(ICMP_REFUSALS),
    { label: "icmpv6-answer", code: LD_HALF_IND, k: 0 },
    ...acceptOnly(ICMPV6_REFUSALS),
  ];
}

function ipv4Answer(): Instruction[] {
  return [
    ...plainIpv4Tcp("ipv4-answer", "ipv4-other-answer"),
    ...tcpAnswer(),
    { label: "ipv4-other-answer", code: LD_HALF_ABS, k: 6 },
    { code: JUMP_ANY_BIT, k: 0x3fff, ifTrue: "drop" },
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    { code: LD_BYTE_ABS, k: 9 },
    { code: JUMP_EQUAL, k: ICMP, ifTrue: "icmp-answer" },
    { code: JUMP_EQUAL, k: SCTP, ifTrue: "sctp-answer" },
    { code: JUMP_EQUAL, k: TCP, ifFalse: "drop" },
    { code: LD_BYTE_IND, k: TCP_FLAGS },
    ...tcpAnswer(),
  ];
}

function ipv6Answer(): Instruction[] {
  return [
    { label: "ipv6-answer", code: LD_BYTE_ABS, k: 6 },
    { code: JUMP_EQUAL, k: TCP, ifFalse: "ipv6-other-answer" },
    { code: LD_BYTE_ABS, k: IPV6_HEADER + TCP_FLAGS },
    ...tcpAnswer(),
    { label: "ipv6-other-answer", code: LDX_IMMEDIATE, k: IPV6_HEADER },
    { code: JUMP_EQUAL, k: ICMPV6, ifTrue: "icmpv6-answer" },
    { code: JUMP_EQUAL, k: SCTP, ifTrue: "sctp-answer", ifFalse: "drop" },
  ];
}

/**
 * Goes by the flags: SYNs and FINs tell which ports have connections. A RST with
 * ACK answers what the rules have counted when it came.
 */
function tcpAnswer(): Instruction[] {
  return [
    { code: JUMP_ANY_BIT, k: FIN | SYN, ifTrue: "accept" },
    { code: ALU_AND, k: RST | ACK },
    { code: JUMP_EQUAL, k: RST, ifTrue: "accept", ifFalse: "drop" },
  ];
}

/** Looks at the chunk that follows the SCTP header at the index register. */
function acceptChunks(types: readonly number[]): Instruction[] {
  return [{ code: LD_BYTE_IND, k: CHUNK_TYPE }, ...acceptOnly(types)];
}

function acceptOnly(values: readonly number[]): Instruction[] {
  return [...jumpIfAny(values, "accept"), { code: RETURN, k: 0 }];
}

function jumpIfAny(values: readonly number[], label: string): Instruction[] {
  return values.map((k) => ({ code: JUMP_EQUAL, k, ifTrue: label }));
}

function dropIfAny(values: readonly number[]): Instruction[] {
  return jumpIfAny(values, "drop");
}

function assemble(program: readonly Instruction[]): FilterInstruction[] {
  const labels = new Map<string, number>();
  for (const [i, { label }] of program.entries()) {
    if (label !== undefined) labels.set(label, i);
  }
  const distance = (from: number, label: string | undefined) => {
    if (label === undefined) return 0;
    const to = labels.get(label);
    if (to === undefined || to <= from || to - from > 256) {
      throw new Error(`Cannot assemble the filter: no way to "${label}"`);
    }
    return to - from - 1;
  };
  return program.map(({ code, k, ifTrue, ifFalse }, i) => [
    code,
    distance(i, ifTrue),
    distance(i, ifFalse),
    k,
  ]);
}
