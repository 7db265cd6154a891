/**
 * System calls that each thread must make for itself. The C library carries a
 * change of user to all threads, but nothing else: capabilities, for one, are
 * each thread's own. It does so by a signal whose handler makes the call; this
 * does the same with a handler of its own, in machine code, since JavaScript
 * runs on the main thread only.
 *
 * @module
 */

import { checked, libc } from "../ffi/libc.ts";
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../ffi/linux.ts";
import { mapMemory } from "../ffi/mapped_memory.ts";
import type { SystemCall } from "./syscall_numbers.ts";

/** A system call and its arguments, five at most; buffers stand for addresses. */
export interface ThreadCall {
  readonly call: SystemCall;
  readonly args: readonly (number | Uint32Array<ArrayBuffer>)[];
}

/** Makes the calls that stand behind it, up to a negative number. */
const HANDLERS: Readonly<Record<string, string>> = {
  x86_64: "488d1d39000000" + // lea rbx, [rip + 57]: the calls
    "488b03" + // next: mov rax, [rbx]
    "4885c0" + // test rax, rax
    "781c" + // js end
    "488b7b08" + // mov rdi, [rbx + 8]
    "488b7310" + // mov rsi, [rbx + 16]
    "488b5318" + // mov rdx, [rbx + 24]
    "4c8b5320" + // mov r10, [rbx + 32]
    "4c8b4328" + // mov r8, [rbx + 40]
    "0f05" + // syscall
    "4883c330" + // add rbx, 48
    "ebdc" + // jmp next
    "c3", // end: ret
  aarch64: "13020010" + // adr x19, 64: the calls
    "680240f9" + // next: ldr x8, [x19]
    "e800f8b7" + // tbnz x8, #63, end
    "608640a9" + // ldp x0, x1, [x19, #8]
    "628e41a9" + // ldp x2, x3, [x19, #24]
    "641640f9" + // ldr x4, [x19, #40]
    "010000d4" + // svc #0
    "73c20091" + // add x19, x19, #48
    "f9ffff17" + // b next
    "c0035fd6", // end: ret
};
const CALLS_AT = 64;
/** The number and five arguments. */
const CALL_WORDS = 6;
const END = -1n;

// bits/signum-arch.h, bits/signum-generic.h
/** Ignored unless it is asked for, which the runtime does not. */
const SIGURG = 23;
const SIG_IGN = 1n;
/** A thread that is not asleep for good has its turn by then. */
const PATIENCE_MS = 2000;
const PAUSE_MS = 1;

/**
 * Lets threads make system calls, whose results are not looked at.
 *
 * @param left The threads whose status does not show yet what the calls are for:
 * asked again and again, until there are none or it has taken too long.
 */
export function callOnThreads(
  calls: readonly ThreadCall[],
  left: () => readonly number[],
): void {
  const handler = HANDLERS[Deno.build.arch];
  if (handler === undefined || left().length === 0) return;
  libc().signal(SIGURG, mapHandler(handler, calls));
  const asked = new Set<number>();
  const end = performance.now() + PATIENCE_MS;
  for (let tids; (tids = left()).length > 0 && performance.now() < end;) {
    for (const tid of tids) {
      if (!asked.has(tid)) libc().tgkill(Deno.pid, tid, SIGURG);
      asked.add(tid);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
  libc().signal(SIGURG, SIG_IGN);
}

/** What stays for good: a thread may still be on its way through a handler. */
const kept: (readonly ThreadCall[])[] = [];

/** Returns the address. */
function mapHandler(handler: string, calls: readonly ThreadCall[]): bigint {
  kept.push(calls);
  const code = Uint8Array.fromHex(handler);
  const words = BigInt64Array.from([...calls.flatMap(encode), END]);
  const { address, memory } = mapMemory({
    length: CALLS_AT + words.byteLength,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    what: "a signal handler",
  });
  const bytes = new Uint8Array(memory);
  bytes.set(code);
  bytes.set(new Uint8Array(words.buffer), CALLS_AT);
  checked(
    libc().mprotect(address, BigInt(bytes.length), PROT_READ | PROT_EXEC),
    "mprotect",
  );
  return Deno.UnsafePointer.value(address);
}

function encode({ call, args }: ThreadCall): bigint[] {
  const number = call[Deno.build.arch as keyof SystemCall] ?? 0;
  return [number, ...args, 0, 0, 0, 0, 0].slice(0, CALL_WORDS).map((each) =>
    typeof each === "number"
      ? BigInt(each)
      : Deno.UnsafePointer.value(Deno.UnsafePointer.of(each))
  );
}
