/**
 * Stands in for daemon/syscalls.ts: a table that lacks the condition on one call,
 * which the environment names.
 *
 * @module
 */

import {
  type AllowedCall,
  allowedCalls as all,
  type SandboxDescriptors,
} from "../../../daemon/syscalls.ts";
import { CALLS } from "../../../daemon/syscall_numbers.ts";
import { environment } from "../../../ffi/libc.ts";

export * from "../../../daemon/syscalls.ts";

/** The calls that are allowed, one of them always. */
export function allowedCalls(descriptors: SandboxDescriptors): AllowedCall[] {
  const name = environment("LAX_CALL") as keyof typeof CALLS;
  const { x86_64, aarch64 } = CALLS[name] as AllowedCall;
  return [
    { x86_64, aarch64 },
    ...all(descriptors).filter((call) => call.x86_64 !== x86_64),
  ];
}
