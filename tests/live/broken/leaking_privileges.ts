/**
 * Stands in for daemon/privileges.ts: whoever gives up privileges leaves a file
 * open for writing, which the environment names.
 *
 * @module
 */

import {
  dropPrivileges as drop,
  type Target,
} from "../../../daemon/privileges.ts";
import type { ThreadDirectory } from "../../../daemon/threads.ts";
import { cString, environment, libc } from "../../../ffi/libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_WRONLY } from "../../../ffi/linux.ts";

export * from "../../../daemon/privileges.ts";

/** Gives up privileges, but not all. */
export function dropPrivileges(
  target: Target,
  threads: ThreadDirectory,
): void {
  const path = cString(environment("LEAKED_FILE") ?? "");
  libc().openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600);
  drop(target, threads);
}
