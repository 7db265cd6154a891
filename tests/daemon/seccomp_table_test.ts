/**
 * The system call filter as the kernel gets it, for every number of interfaces
 * that a host may have: its bytes, interpreted, allow what the table of calls
 * says, neither less nor more.
 */

import { seccompProgram } from "../../daemon/seccomp.ts";
import {
  type AllowedCall,
  allowedCalls,
  type Condition,
  type SandboxDescriptors,
} from "../../daemon/syscalls.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { interpret, SOCK_FILTER } from "../bpf.ts";

const ARCHITECTURES = ["x86_64", "aarch64"] as const;
type Architecture = typeof ARCHITECTURES[number];
// linux/audit.h
const AUDIT_ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };
// linux/seccomp.h, asm-generic/errno-base.h, asm-generic/errno.h
const ALLOW = 0x7fff0000;
const EPERM = 0x00050000 | 1;
const ENOSYS = 0x00050000 | 38;
const CLONE3 = 435;
const LAST_NUMBER = 500;
const MOST_DESCRIPTORS = 330;
/** linux/bpf_common.h: BPF_MAXINSNS. */
const LONGEST_PROGRAM = 4096;
/** Around here the distances of conditional jumps end. */
const EVERY_DESCRIPTOR = [1, 2, 63, 64, 125, 126, 127, 128, 253, 254, 255]
  .concat(256, 257, 258, MOST_DESCRIPTORS);

/** No two stand side by side, so that a neighbour is none of them. */
function descriptors(count: number): SandboxDescriptors {
  const capture = Array.from({ length: count }, (_, i) => 20 + 2 * i);
  return {
    capture,
    connected: [17],
    rebound: capture,
    joining: capture,
    directories: [9, 11],
    rewritten: [13, 15],
    streams: false,
    pid: 4711,
  };
}

/** The lower and upper halves of each argument, one after the other. */
type Halves = readonly number[];

/** What the table says, without any program. */
function expected(
  call: AllowedCall | undefined,
  number: number,
  halves: Halves,
): number {
  if (call === undefined) return number === CLONE3 ? ENOSYS : EPERM;
  const holds = ({ argument, isUpper, mask, values, isForbidden }: Condition) =>
    values.includes(
      (halves[2 * argument + (isUpper ? 1 : 0)] & (mask ?? -1)) >>> 0,
    ) !== (isForbidden ?? false);
  const isAllowed = call.when?.some((all) => all.every(holds)) ?? true;
  return isAllowed ? ALLOW : EPERM;
}

/** Each value that a condition looks for, its neighbours, and the extremes. */
function edges({ values, mask }: Condition, isThorough: boolean): number[] {
  const middle = values[values.length >> 1];
  const some = isThorough ? values : [values[0], middle, values.at(-1)];
  const near = some.filter((value) => value !== undefined).flatMap((value) => [
    ...[value, value - 1, value + 1],
    ...(mask === undefined ? [] : [value | ~mask, value ^ mask]),
  ]);
  return [...near, 0, -1].map((value) => value >>> 0);
}

/** Arguments that hold each condition, then each one's edges in their places. */
function* argumentsOf(
  { when = [] }: AllowedCall,
  isThorough: boolean,
): Generator<Halves> {
  yield Array(12).fill(0);
  yield Array(12).fill(0xffff_ffff);
  for (const conditions of when) {
    const held = Array<number>(12).fill(0);
    const place = ({ argument, isUpper }: Condition) =>
      2 * argument + (isUpper ? 1 : 0);
    for (const condition of conditions) {
      const { values, isForbidden } = condition;
      held[place(condition)] = isForbidden ? 1 : values[0] ?? 0;
    }
    yield held;
    for (const condition of conditions) {
      for (const edge of edges(condition, isThorough)) {
        yield held.with(place(condition), edge);
        // The other half must not decide, unless it has a condition as well.
        yield held.with(place(condition), edge)
          .with(place(condition) ^ 1, 0xffff_ffff);
      }
    }
  }
}

const data = new DataView(new ArrayBuffer(64));
const load = (offset: number, size: number) => {
  assert(size === 4 && offset % 4 === 0 && offset <= 60);
  return data.getUint32(offset, true);
};

function compare(architecture: Architecture, count: number): void {
  const which = descriptors(count);
  const program = seccompProgram(architecture, which);
  assert(program.length <= LONGEST_PROGRAM * SOCK_FILTER);
  const calls = new Map(
    allowedCalls(which).map((call) => [call[architecture], call]),
  );
  const isThorough = EVERY_DESCRIPTOR.includes(count);
  data.setUint32(4, AUDIT_ARCH[architecture], true);
  for (let number = 0; number <= LAST_NUMBER; number++) {
    const call = calls.get(number);
    for (const halves of argumentsOf(call ?? { x86_64: number }, isThorough)) {
      data.setUint32(0, number, true);
      for (const [i, half] of halves.entries()) {
        data.setUint32(16 + 4 * i, half, true);
      }
      const result = interpret(program, load);
      if (result === expected(call, number, halves)) continue;
      assertEquals(
        result,
        expected(call, number, halves),
        `${architecture}, ${count} descriptors: ${number}(${halves})`,
      );
    }
  }
}

for (const architecture of ARCHITECTURES) {
  Deno.test(`${architecture}: with 0 to ${MOST_DESCRIPTORS} capture descriptors the filter allows exactly what the table says`, () => {
    for (let count = 0; count <= MOST_DESCRIPTORS; count++) {
      compare(architecture, count);
    }
  });

  Deno.test(`${architecture}: for more descriptors than a program can hold there is none`, () => {
    assertThrows(
      () => seccompProgram(architecture, descriptors(2000)),
      RangeError,
      "at most 4096 are possible",
    );
  });
}
