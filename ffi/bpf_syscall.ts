/**
 * The system call bpf(2): maps and programs in the kernel.
 *
 * @module
 */

import type { EncodedProgram } from "./ebpf.ts";
import { checked, cString, errno, libc, SystemError } from "./libc.ts";
import {
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  SO_ATTACH_BPF,
  SOL_SOCKET,
} from "./linux.ts";
import { mapMemory, type Mapping } from "./mapped_memory.ts";

/** Number of bpf(2): asm/unistd_64.h, asm-generic/unistd.h. */
const BPF = { x86_64: 321n, aarch64: 280n };

// linux/bpf.h: enum bpf_cmd, bpf_map_type, bpf_prog_type, flags.
const BPF_MAP_CREATE = 0n;
const BPF_PROG_LOAD = 5n;
const BPF_PROG_TEST_RUN = 10n;
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
const BPF_F_MMAPABLE = 1 << 10;
const OBJECT_NAME_LENGTH = 16;

/** What the verifier writes when it refuses a program. */
const LOG_SIZE = 1 << 16;
/** Without one that is compatible with the GPL, some helpers are missing. */
const LICENCE = cString("Dual MIT/GPL");

/** A field of `union bpf_attr`: offset, and a value of 4 or 8 bytes. */
type Field = readonly [offset: number, value: number | Uint8Array];

/** `union bpf_attr` of a size; arrays are referred to by their address. */
function attributes(size: number, fields: readonly Field[], name?: string) {
  const view = new DataView(new ArrayBuffer(size));
  for (const [offset, value] of fields) {
    if (typeof value === "number") view.setUint32(offset, value, true);
    else {
      const address = Deno.UnsafePointer.of(value as Uint8Array<ArrayBuffer>);
      const number = Deno.UnsafePointer.value(address);
      view.setBigUint64(offset, number, true);
    }
  }
  if (name !== undefined) {
    const bytes = cString(name).subarray(0, OBJECT_NAME_LENGTH - 1);
    new Uint8Array(view.buffer).set(bytes, size - OBJECT_NAME_LENGTH);
  }
  return view;
}

function bpf(command: bigint, attr: DataView<ArrayBuffer>): number {
  const number = BPF[Deno.build.arch];
  return Number(
    libc().bpf(number, command, attr.buffer, BigInt(attr.byteLength)),
  );
}

/** Whether programs can be loaded on this kind of machine. */
export function isBpfSupported(): boolean {
  return Deno.build.os === "linux" && Deno.build.arch in BPF;
}

/**
 * Makes an array that can be mapped; its key is the index, 4 bytes.
 *
 * @param valueSize A multiple of 8: the kernel pads elements to that.
 * @returns Its descriptor.
 * @throws {SystemError} If the kernel refuses.
 */
export function createArray(
  name: string,
  entries: number,
  valueSize: number,
): number {
  const attr = attributes(44, [
    [0, BPF_MAP_TYPE_ARRAY],
    [4, 4],
    [8, valueSize],
    [12, entries],
    [16, BPF_F_MMAPABLE],
  ], name);
  return checked(bpf(BPF_MAP_CREATE, attr), "bpf(BPF_MAP_CREATE)");
}

/**
 * Maps an array's elements. What is mapped for reading cannot be made writable
 * later on.
 *
 * @param length In bytes.
 * @throws {Error} If the kernel refuses.
 */
export function mapArray(
  descriptor: number,
  length: number,
  { writable }: { writable: boolean },
): Mapping {
  return mapMemory({
    length,
    protection: writable ? PROT_READ | PROT_WRITE : PROT_READ,
    flags: MAP_SHARED,
    descriptor,
    what: "a BPF array",
  });
}

/**
 * Loads a socket filter.
 *
 * @returns Its descriptor.
 * @throws {SystemError} If the kernel refuses; with the verifier's last words.
 */
export function loadSocketFilter(
  name: string,
  program: EncodedProgram,
): number {
  const log = new Uint8Array(LOG_SIZE);
  const fields: Field[] = [
    [0, BPF_PROG_TYPE_SOCKET_FILTER],
    [4, program.length / 8],
    [8, program],
    [16, LICENCE],
  ];
  const descriptor = bpf(BPF_PROG_LOAD, attributes(64, fields, name));
  if (descriptor >= 0) return descriptor;
  const number = errno();
  // Only who has been refused wants to know why: the log costs time.
  const logging: Field[] = [[24, 1], [28, LOG_SIZE], [32, log]];
  const again = bpf(
    BPF_PROG_LOAD,
    attributes(64, [...fields, ...logging], name),
  );
  if (again >= 0) return again;
  const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
  const last = text.trim().split("\n").slice(-4).join("; ");
  throw new SystemError(
    `bpf(BPF_PROG_LOAD)${last === "" ? "" : ` (${last})`}`,
    number,
  );
}

/** Lets the kernel run a loaded program on all that a socket would receive. */
export function attachProgram(socket: number, program: number): void {
  checked(
    libc().setsockopt(
      socket,
      SOL_SOCKET,
      SO_ATTACH_BPF,
      Int32Array.of(program),
      4,
    ),
    "setsockopt(SO_ATTACH_BPF)",
  );
}

/**
 * Lets the kernel try a program on a packet, once or over and over.
 *
 * @param frame An Ethernet frame.
 * @param context `struct __sk_buff`, of which the kernel takes few fields.
 * @returns Its value, and how long it took on average, in nanoseconds.
 * @throws {SystemError} If the kernel refuses.
 */
export function tryProgram(
  program: number,
  frame: Uint8Array,
  context: Uint8Array,
  repeat = 1,
): { value: number; duration: number } {
  const attr = attributes(80, [
    [0, program],
    [8, frame.length],
    [16, frame],
    [32, repeat],
    [40, context.length],
    [48, context],
  ]);
  checked(bpf(BPF_PROG_TEST_RUN, attr), "bpf(BPF_PROG_TEST_RUN)");
  return { value: attr.getUint32(4, true), duration: attr.getUint32(36, true) };
}
