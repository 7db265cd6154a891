/**
 * An interpreter of classic BPF programs, which runs the bytes that the kernel
 * gets as the kernel does (net/core/filter.c).
 *
 * @module
 */

import {
  ALU_AND,
  JUMP_ALWAYS,
  JUMP_ANY_BIT,
  JUMP_AT_LEAST,
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
} from "../ffi/bpf.ts";

/** The size of `struct sock_filter`, in bytes. */
export const SOCK_FILTER = 8;

/** What stands at an offset; undefined: it is outside, which ends a program. */
export type Load = (offset: number, size: 1 | 2 | 4) => number | undefined;

/**
 * Runs a program; returns its value.
 *
 * @throws {Error} If it runs out of its end, or has an unknown instruction.
 */
export function interpret(
  program: PackedProgram,
  load: Load,
): number {
  let accumulator = 0;
  let index = 0;
  const fields = new DataView(program.buffer, program.byteOffset);
  for (let at = 0; at < program.length; at += SOCK_FILTER) {
    const code = fields.getUint16(at, true);
    const operand = fields.getUint32(at + 4, true);
    const jump = (isTrue: boolean) =>
      at += fields.getUint8(at + (isTrue ? 2 : 3)) * SOCK_FILTER;
    let loaded: number | undefined;
    switch (code) {
      case LD_WORD_ABS:
        loaded = load(operand, 4);
        break;
      case LD_HALF_ABS:
        loaded = load(operand, 2);
        break;
      case LD_BYTE_ABS:
        loaded = load(operand, 1);
        break;
      case LD_HALF_IND:
        loaded = load(index + operand, 2);
        break;
      case LD_BYTE_IND:
        loaded = load(index + operand, 1);
        break;
      case LDX_IPV4_HEADER_LENGTH:
        loaded = load(operand, 1);
        if (loaded === undefined) return 0;
        index = (loaded & 0xf) * 4;
        continue;
      case LDX_IMMEDIATE:
        index = operand;
        continue;
      case ALU_AND:
        accumulator = (accumulator & operand) >>> 0;
        continue;
      case JUMP_ALWAYS:
        at += operand * SOCK_FILTER;
        continue;
      case JUMP_EQUAL:
        jump(accumulator === operand);
        continue;
      case JUMP_GREATER:
        jump(accumulator > operand);
        continue;
      case JUMP_AT_LEAST:
        jump(accumulator >= operand);
        continue;
      case JUMP_ANY_BIT:
        jump((accumulator & operand) !== 0);
        continue;
      case RETURN:
        return operand;
      default:
        throw new Error(`unknown instruction ${code} at ${at}`);
    }
    if (loaded === undefined) return 0;
    accumulator = loaded;
  }
  throw new Error("the program has no end");
}

/** linux/if_packet.h: it is for this host. */
export const PACKET_HOST = 0;
/** linux/if_ether.h: no IP. */
export const ETH_P_ARP = 0x0806;

// The flags that filters decide by (RFC 9293, 3.1), in the tests' own words.
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

// linux/filter.h: ancillary data stand at these negative offsets.
const AD_PROTOCOL = 0xfffff000;
const AD_PACKET_TYPE = AD_PROTOCOL + 4;

/** A packet as a program sees it. */
export interface FilteredPacket {
  bytes: Uint8Array;
  etherType: number;
  /** PACKET_HOST, PACKET_OUTGOING and so on, of linux/if_packet.h. */
  packetType: number;
}

/** Runs a program on a packet; returns how many bytes of it are kept. */
export function filter(
  program: PackedProgram,
  { bytes, etherType, packetType }: FilteredPacket,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return interpret(program, (offset, size) => {
    if (offset === AD_PROTOCOL) return etherType;
    if (offset === AD_PACKET_TYPE) return packetType;
    if (offset + size > bytes.length) return undefined;
    return size === 1
      ? view.getUint8(offset)
      : size === 2
      ? view.getUint16(offset)
      : view.getUint32(offset);
  });
}
