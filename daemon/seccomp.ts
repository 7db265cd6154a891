/**
 * The system call filter (seccomp(2)): an allow-list on all threads.
 *
 * @module
 */

import { checked, EPERM, libc } from "../ffi/libc.ts";
import {
  ALU_AND,
  type FilterInstruction,
  JUMP_AT_LEAST,
  JUMP_EQUAL,
  LD_WORD_ABS,
  type PackedProgram,
  packProgram,
  RETURN,
} from "../ffi/bpf.ts";
import {
  type AllowedCall,
  allowedCalls,
  CLONE3,
  type Condition,
  type SandboxDescriptors,
  SECCOMP,
  type SystemCall,
} from "./syscalls.ts";

type Architecture = keyof SystemCall;
type Instruction = FilterInstruction;

// linux/audit.h
const AUDIT_ARCH: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  aarch64: 0xc00000b7,
};
// linux/seccomp.h
const SECCOMP_SET_MODE_FILTER = 1n;
const SECCOMP_FILTER_FLAG_TSYNC = 1n;
const RETURN_ALLOW = 0x7fff0000;
const RETURN_ERRNO = 0x00050000;
// struct seccomp_data: int nr, u32 arch, u64 instruction_pointer, u64 args[6]
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENTS = 16;
/** Numbers from here on belong to the x32 ABI (asm/unistd.h). */
const X32_BIT = 0x40000000;
// asm-generic/errno.h
const ENOSYS = 38;
// linux/prctl.h
const PR_SET_NO_NEW_PRIVS = 38;

const ALLOW: Instruction = [RETURN, 0, 0, RETURN_ALLOW];
// Not a kill: what is refused may be no more than a hint to the kernel.
const REFUSE: Instruction = [RETURN, 0, 0, RETURN_ERRNO | EPERM];

/** Whether this system has filters that we know how to write. */
export function isSeccompSupported(): boolean {
  return Deno.build.os === "linux" && Deno.build.arch in AUDIT_ARCH;
}

/**
 * Gives up the right to gain privileges, and installs the filter on all
 * threads.
 *
 * @throws {SystemError} If the kernel refuses.
 */
export function installFilter(descriptors: SandboxDescriptors): void {
  const architecture = Deno.build.arch as Architecture;
  const program = packProgram(seccompProgram(architecture, descriptors));
  checked(libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl");
  install(SECCOMP[architecture], program);
}

function install(number: number, { header }: PackedProgram): void {
  const result = libc().syscall(
    BigInt(number),
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_FILTER_FLAG_TSYNC,
    header.buffer,
  );
  checked(result, "seccomp");
  if (result > 0n) throw new Error(`seccomp: thread ${result} does not follow`);
}

/** The filter's program. */
export function seccompProgram(
  architecture: Architecture,
  descriptors: SandboxDescriptors,
): Instruction[] {
  return [
    [LD_WORD_ABS, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, AUDIT_ARCH[architecture]],
    REFUSE,
    [LD_WORD_ABS, 0, 0, NUMBER],
    [JUMP_AT_LEAST, 0, 1, X32_BIT],
    REFUSE,
    ...allowedCalls(descriptors).flatMap((call) => allow(architecture, call)),
    [JUMP_EQUAL, 0, 1, CLONE3[architecture] as number],
    [RETURN, 0, 0, RETURN_ERRNO | ENOSYS],
    REFUSE,
  ];
}

/** If it is this call, decide; else go on with the number still loaded. */
function allow(architecture: Architecture, call: AllowedCall): Instruction[] {
  const number = call[architecture];
  if (number === undefined) return [];
  const body = call.when === undefined
    ? [ALLOW]
    : [...call.when.flatMap(allowIfAll), REFUSE];
  return [[JUMP_EQUAL, 0, body.length, number], ...body];
}

/** Allows if all conditions hold, else goes on behind. */
function allowIfAll(conditions: readonly Condition[]): Instruction[] {
  let body: Instruction[] = [ALLOW];
  for (const condition of conditions.toReversed()) {
    body = [...checkCondition(condition, body.length), ...body];
  }
  return body;
}

/** Goes on behind itself if the condition holds, else skips `rest` more. */
function checkCondition(
  { argument, isUpper, mask, values, isForbidden }: Condition,
  rest: number,
): Instruction[] {
  const at = ARGUMENTS + 8 * argument + (isUpper ? 4 : 0);
  const load: Instruction[] = [[LD_WORD_ABS, 0, 0, at]];
  if (mask !== undefined) load.push([ALU_AND, 0, 0, mask]);
  const tests = values.map((value, i): Instruction => {
    const left = values.length - 1 - i;
    // A match of a forbidden value fails; of an allowed one goes on.
    if (isForbidden) return [JUMP_EQUAL, left + rest, 0, value];
    return [JUMP_EQUAL, left, left === 0 ? rest : 0, value];
  });
  // No value is allowed: no condition can hold.
  if (values.length === 0 && !isForbidden) {
    return [...load, [JUMP_EQUAL, rest, rest, 0]];
  }
  return [...load, ...tests];
}
