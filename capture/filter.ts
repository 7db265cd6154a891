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
import type { FilterInstruction } from "../ffi/bpf.ts";

// linux/bpf_common.h: a class, a size, a mode, an operation.
const LD_WORD_ABS = 0x20;
const LD_HALF_ABS = 0x28;
const LD_BYTE_ABS = 0x30;
const LD_BYTE_IND = 0x50;
const LDX_IPV4_HEADER_LENGTH = 0xb1; // BPF_LDX | BPF_B | BPF_MSH
const ALU_AND = 0x54;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

// linux/filter.h: ancillary data stand at these negative offsets.
const AD_PROTOCOL = 0xfffff000;
const AD_PACKET_TYPE = 0xfffff000 + 4;

const TCP = 6;
/** Flags of established bulk traffic: exactly ACK, exactly PSH and ACK. */
const BULK_FLAGS = [0x10, 0x18];
/** IPv6 extension headers: hop-by-hop, routing, fragment, AH, destination. */
const EXTENSION_HEADERS = [0, 43, 44, 51, 60];
/** The last fragment offset, in units of 8 bytes, that holds header bytes. */
const LAST_HEADER_UNIT = 2;

/** Enough for the longest headers that are decoded, in bytes. */
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
}

/**
 * The program that keeps everything in the kernel but TCP segments and
 * fragments that a rule may need.
 */
export function kernelFilter(options: FilterOptions): FilterInstruction[] {
  return assemble([
    ...packetType(options),
    { code: LD_WORD_ABS, k: AD_PROTOCOL },
    { code: JUMP_EQUAL, k: ETH_P_IP, ifTrue: "ipv4" },
    { code: JUMP_EQUAL, k: ETH_P_IPV6, ifTrue: "ipv6", ifFalse: "drop" },
    ...ipv4(),
    ...ipv6(),
    { label: "accept", code: RETURN, k: SNAP_LENGTH },
    { label: "drop", code: RETURN, k: 0 },
  ]);
}

function packetType({ promiscuous }: FilterOptions): Instruction[] {
  const unwanted = promiscuous
    ? [PACKET_OUTGOING]
    : [PACKET_OUTGOING, PACKET_OTHERHOST];
  return [
    { code: LD_WORD_ABS, k: AD_PACKET_TYPE },
    ...dropIfAny(unwanted),
  ];
}

function ipv4(): Instruction[] {
  return [
    { label: "ipv4", code: LD_BYTE_ABS, k: 9 },
    { code: JUMP_EQUAL, k: TCP, ifFalse: "drop" },
    { code: LD_HALF_ABS, k: 6 },
    { code: JUMP_ANY_BIT, k: 0x1fff, ifTrue: "fragment" },
    { code: JUMP_ANY_BIT, k: 0x2000, ifTrue: "accept" },
    { code: LDX_IPV4_HEADER_LENGTH, k: 0 },
    { code: LD_BYTE_IND, k: 13 },
    ...dropIfAny(BULK_FLAGS),
    { code: RETURN, k: SNAP_LENGTH },
    { label: "fragment", code: ALU_AND, k: 0x1fff },
    {
      code: JUMP_GREATER,
      k: LAST_HEADER_UNIT,
      ifTrue: "drop",
      ifFalse: "accept",
    },
  ];
}

function ipv6(): Instruction[] {
  return [
    { label: "ipv6", code: LD_BYTE_ABS, k: 6 },
    { code: JUMP_EQUAL, k: TCP, ifTrue: "ipv6-tcp" },
    ...EXTENSION_HEADERS.map((k) => ({
      code: JUMP_EQUAL,
      k,
      ifTrue: "accept",
    })),
    { code: RETURN, k: 0 },
    { label: "ipv6-tcp", code: LD_BYTE_ABS, k: 40 + 13 },
    ...dropIfAny(BULK_FLAGS),
  ];
}

function dropIfAny(values: readonly number[]): Instruction[] {
  return values.map((k) => ({ code: JUMP_EQUAL, k, ifTrue: "drop" }));
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
