/**
 * Classic BPF programs (linux/filter.h), for sockets and for seccomp.
 *
 * @module
 */

import { checked, libc } from "./libc.ts";
import { SO_ATTACH_FILTER, SOL_SOCKET } from "./linux.ts";

// linux/bpf_common.h: a class, a size and a mode, or an operation.
/** Loads what stands at a fixed offset. */
export const LD_WORD_ABS = 0x20;
export const LD_HALF_ABS = 0x28;
export const LD_BYTE_ABS = 0x30;
/** Loads what stands so far behind the index register's offset. */
export const LD_HALF_IND = 0x48;
export const LD_BYTE_IND = 0x50;
/** Sets the index register. */
export const LDX_IMMEDIATE = 0x01;
/** Sets it to an IPv4 header's length. */
export const LDX_IPV4_HEADER_LENGTH = 0xb1;
export const ALU_AND = 0x54;
export const JUMP_EQUAL = 0x15;
export const JUMP_GREATER = 0x25;
export const JUMP_AT_LEAST = 0x35;
export const JUMP_ANY_BIT = 0x45;
export const RETURN = 0x06;

/** An instruction: code, jump if true, jump if false, operand. */
export type FilterInstruction = readonly [number, number, number, number];

/** Size of `struct sock_filter` and of `struct sock_fprog`, in bytes. */
const SOCK_FILTER = 8;
const SOCK_FPROG = 16;

/**
 * A program as the kernel wants it. Both parts stand in one buffer, so that
 * neither lives longer than the other.
 */
export interface PackedProgram {
  /** `struct sock_fprog`, at the buffer's beginning. */
  header: DataView<ArrayBuffer>;
  /** What the header points to. */
  instructions: DataView<ArrayBuffer>;
}

/** Lays out a program in memory. */
export function packProgram(
  program: readonly FilterInstruction[],
): PackedProgram {
  const buffer = new ArrayBuffer(SOCK_FPROG + program.length * SOCK_FILTER);
  const header = new DataView(buffer, 0, SOCK_FPROG);
  const instructions = new DataView(buffer, SOCK_FPROG);
  for (const [i, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    instructions.setUint16(i * SOCK_FILTER, code, true);
    instructions.setUint8(i * SOCK_FILTER + 2, ifTrue);
    instructions.setUint8(i * SOCK_FILTER + 3, ifFalse);
    instructions.setUint32(i * SOCK_FILTER + 4, operand, true);
  }
  header.setUint16(0, program.length, true);
  const address = Deno.UnsafePointer.of(instructions);
  header.setBigUint64(8, Deno.UnsafePointer.value(address), true);
  return { header, instructions };
}

/**
 * Lets the kernel run a program on all that a socket would receive.
 *
 * @throws {SystemError} If the kernel refuses it.
 */
export function attachFilter(
  fd: number,
  program: readonly FilterInstruction[],
): void {
  const { header } = packProgram(program);
  checked(
    libc().setsockopt(
      fd,
      SOL_SOCKET,
      SO_ATTACH_FILTER,
      header.buffer,
      SOCK_FPROG,
    ),
    "setsockopt(SO_ATTACH_FILTER)",
  );
}
