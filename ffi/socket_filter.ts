/**
 * Handing BPF programs to the kernel.
 *
 * @module
 */

import type { PackedProgram } from "./bpf.ts";
import { checked, libc } from "./libc.ts";
import { SO_ATTACH_FILTER, SOL_SOCKET } from "./linux.ts";

/** Sizes of `struct sock_filter` and of `struct sock_fprog`, in bytes. */
const SOCK_FILTER = 8;
const SOCK_FPROG = 16;

/**
 * What refers the kernel to a program: `struct sock_fprog`, and the program
 * behind it in the same buffer, so that neither lives longer than the other.
 */
export function programHeader(program: PackedProgram): ArrayBuffer {
  const buffer = new ArrayBuffer(SOCK_FPROG + program.length);
  const instructions = new Uint8Array(buffer, SOCK_FPROG);
  instructions.set(program);
  const header = new DataView(buffer);
  header.setUint16(0, program.length / SOCK_FILTER, true);
  const address = Deno.UnsafePointer.of(instructions);
  header.setBigUint64(8, Deno.UnsafePointer.value(address), true);
  return buffer;
}

/**
 * Lets the kernel run a program on all that a socket would receive.
 *
 * @throws {SystemError} If it refuses.
 */
export function attachFilter(fd: number, program: PackedProgram): void {
  checked(
    libc().setsockopt(
      fd,
      SOL_SOCKET,
      SO_ATTACH_FILTER,
      programHeader(program),
      SOCK_FPROG,
    ),
    "setsockopt(SO_ATTACH_FILTER)",
  );
}
