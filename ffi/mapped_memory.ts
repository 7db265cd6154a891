/**
 * Memory that the kernel maps: mmap(2).
 *
 * @module
 */

import { errno, libc, SystemError } from "./libc.ts";

/** What mmap(2) returns if it fails, as an address. */
const MAP_FAILED = -1n;

/** What is mapped, and for whom. */
export interface MappingOptions {
  /** Bytes. */
  length: number;
  /** PROT_READ and others. */
  protection: number;
  /** MAP_SHARED and others. */
  flags: number;
  /** What is mapped [nothing but memory]. */
  descriptor?: number;
  /** What it is, for the error. */
  what: string;
}

/** Mapped memory, and where it stands. */
export interface Mapping {
  /** Where it begins. */
  readonly address: Deno.PointerObject;
  /** All of it. */
  readonly memory: ArrayBuffer;
}

/**
 * Maps memory.
 *
 * @throws {SystemError} If the kernel refuses.
 */
export function mapMemory(
  { length, protection, flags, descriptor = -1, what }: MappingOptions,
): Mapping {
  const { mmap } = libc();
  const address = mmap(null, BigInt(length), protection, flags, descriptor, 0n);
  const number = BigInt.asIntN(64, Deno.UnsafePointer.value(address));
  if (address === null || number === MAP_FAILED) {
    throw new SystemError(`mmap of ${what}`, errno());
  }
  const memory = Deno.UnsafePointerView.getArrayBuffer(address, length);
  return { address, memory };
}
