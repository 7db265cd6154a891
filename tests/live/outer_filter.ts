/**
 * A container's own filter.
 *
 * @module
 */

import type { SystemCall } from "../../daemon/syscall_numbers.ts";

const PROGRAM = new URL("outer_filter.py", import.meta.url).pathname;

/** Refuses some system calls to what follows. */
export function outerFilter(...calls: SystemCall[]): string[] {
  const numbers = calls.map((call) =>
    call[Deno.build.arch as keyof SystemCall]
  );
  return ["python3", PROGRAM, numbers.join(",")];
}

export const CHROOT: SystemCall = { x86_64: 161, aarch64: 51 };
export const SETRESUID: SystemCall = { x86_64: 117, aarch64: 147 };
export const READLINKAT: SystemCall = { x86_64: 267, aarch64: 78 };
