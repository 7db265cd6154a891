/**
 * The system call filter (seccomp(2)): an allow-list on all threads.
 *
 * @module
 */

import { checked, describeErrno, EPERM, errno, libc } from "../ffi/libc.ts";
import {
  ALU_AND,
  assemble,
  JUMP_AT_LEAST,
  JUMP_EQUAL,
  LD_WORD_ABS,
  type PackedProgram,
  RETURN,
  type Statement,
} from "../ffi/bpf.ts";
import { programHeader } from "../ffi/socket_filter.ts";
import { Failure } from "./failure.ts";
import {
  type AllowedCall,
  allowedCalls,
  type Condition,
  type SandboxDescriptors,
} from "./syscalls.ts";
import { CALLS, type SystemCall } from "./syscall_numbers.ts";

type Architecture = keyof SystemCall;

// linux/audit.h
const AUDIT_ARCH: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  aarch64: 0xc00000b7,
};
// linux/seccomp.h
const SECCOMP_SET_MODE_FILTER = 1n;
const SECCOMP_GET_ACTION_AVAIL = 2n;
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

const ALLOW: Statement = { code: RETURN, k: RETURN_ALLOW };
// Not a kill: what is refused may be no more than a hint to the kernel.
const REFUSE: Statement = { code: RETURN, k: RETURN_ERRNO | EPERM };

/** Whether this system has filters that we know how to write. */
export function isSeccompSupported(): boolean {
  return Deno.build.os === "linux" && Deno.build.arch in AUDIT_ARCH;
}

/**
 * Asks the kernel for filters, while a start that fails can be undone.
 *
 * @throws {Failure} If there are none.
 */
export function checkFilter(): void {
  if (!isSeccompSupported()) return;
  const result = libc().syscall(
    BigInt(CALLS.seccomp[Deno.build.arch as Architecture]),
    SECCOMP_GET_ACTION_AVAIL,
    0n,
    Uint32Array.of(RETURN_ERRNO),
  );
  if (result < 0n) refuse();
}

function refuse(): never {
  throw new Failure(
    `cannot install the system call filter: ${
      describeErrno(errno())
    }; the kernel must have CONFIG_SECCOMP_FILTER, and an outer filter must allow seccomp(2)`,
  );
}

/**
 * Gives up the right to gain privileges, and installs the filter on all
 * threads.
 *
 * @throws {Error} If it cannot be written, or the kernel refuses it.
 */
export function installFilter(descriptors: SandboxDescriptors): void {
  const architecture = Deno.build.arch as Architecture;
  const program = assembleFilter(descriptors);
  checked(libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl");
  const result = libc().syscall(
    BigInt(CALLS.seccomp[architecture]),
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_FILTER_FLAG_TSYNC,
    programHeader(program),
  );
  if (result < 0n) refuse();
  if (result > 0n) throw new Error(`seccomp: thread ${result} does not follow`);
}

/**
 * Writes the filter's program.
 *
 * @throws {Failure} If it is longer than the kernel takes.
 */
export function assembleFilter(descriptors: SandboxDescriptors): PackedProgram {
  try {
    return seccompProgram(Deno.build.arch as Architecture, descriptors);
  } catch (error) {
    const { length } = descriptors.capture;
    throw new Failure(
      `no system call filter for ${length} capture descriptors, refusing to go on: ${
        (error as Error).message
      }; watch fewer interfaces, or all of them without naming any`,
    );
  }
}

/**
 * The filter's program.
 *
 * @throws {RangeError} If it is longer than the kernel takes.
 */
export function seccompProgram(
  architecture: Architecture,
  descriptors: SandboxDescriptors,
): PackedProgram {
  const calls = allowedCalls(descriptors);
  const bodies = distinctConditions(calls);
  return assemble([
    { code: LD_WORD_ABS, k: ARCHITECTURE },
    { code: JUMP_EQUAL, k: AUDIT_ARCH[architecture], ifFalse: "refuse" },
    { code: LD_WORD_ABS, k: NUMBER },
    { code: JUMP_AT_LEAST, k: X32_BIT, ifTrue: "refuse" },
    ...calls.flatMap((call) => dispatch(call[architecture], bodyOf(call))),
    // Its flags stand where no filter can look: the C library then takes clone.
    ...dispatch(CALLS.clone3[architecture], "no such call"),
    { label: "refuse" },
    REFUSE,
    { label: "allow" },
    ALLOW,
    { label: "no such call" },
    { code: RETURN, k: RETURN_ERRNO | ENOSYS },
    ...bodies.flatMap((when) => [
      { label: labelOf(when) },
      ...when.filter(canHold).flatMap((conditions, i) =>
        allowIfAll(conditions, `${labelOf(when)} ${i}`)
      ),
      REFUSE,
    ]),
  ]);
}

type Conditions = NonNullable<AllowedCall["when"]>;

/** Many calls share their conditions, which can be long. */
function distinctConditions(calls: readonly AllowedCall[]): Conditions[] {
  const byLabel = new Map<string, Conditions>();
  for (const { when } of calls) {
    if (when !== undefined) byLabel.set(labelOf(when), when);
  }
  return [...byLabel.values()];
}

function labelOf(when: Conditions): string {
  return JSON.stringify(when);
}

function bodyOf({ when }: AllowedCall): string {
  return when === undefined ? "allow" : labelOf(when);
}

/** Decides on a call; else goes on with the number still loaded. */
function dispatch(number: number | undefined, ifTrue: string): Statement[] {
  return number === undefined ? [] : [{ code: JUMP_EQUAL, k: number, ifTrue }];
}

/** Where no value is allowed, no condition can hold. */
function canHold(conditions: readonly Condition[]): boolean {
  return conditions.every(({ values, isForbidden }) =>
    isForbidden || values.length > 0
  );
}

/** Allows if all conditions hold, else goes on behind. */
function allowIfAll(
  conditions: readonly Condition[],
  name: string,
): Statement[] {
  const otherwise = `${name} fails`;
  return [
    ...conditions.flatMap((condition, i) =>
      checkCondition(condition, `${name} ${i}`, otherwise)
    ),
    ALLOW,
    { label: otherwise },
  ];
}

/** Goes on behind itself if the condition holds, else elsewhere. */
function checkCondition(
  { argument, isUpper, mask, values, isForbidden = false }: Condition,
  name: string,
  otherwise: string,
): Statement[] {
  const at = ARGUMENTS + 8 * argument + (isUpper ? 4 : 0);
  const holds = `${name} holds`;
  const matches = isForbidden ? otherwise : holds;
  const last = values.length - 1;
  return [
    { code: LD_WORD_ABS, k: at },
    ...(mask === undefined ? [] : [{ code: ALU_AND, k: mask }]),
    ...values.map((k, i): Statement => ({
      code: JUMP_EQUAL,
      k,
      ifTrue: matches,
      ifFalse: i === last && !isForbidden ? otherwise : undefined,
    })),
    { label: holds },
  ];
}
