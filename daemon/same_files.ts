/**
 * Whether a file that is written to is used otherwise, too: whatever writes to one
 * takes it for its own.
 *
 * @module
 */

import { type FileStatus, fileStatus } from "../ffi/file_status.ts";
import { AT_FDCWD } from "../ffi/linux.ts";
import { splitPath } from "../ffi/parent_directory.ts";
import { Failure } from "./failure.ts";
import type { Options } from "./options.ts";

const STDIN = 0;
const STREAMS = [[1, "standard output"], [2, "standard error"]] as const;

/**
 * Looks at all files before any is opened. Their names do not tell: a link further
 * up, or a mount, gives a file another one.
 *
 * @param read The files that packets are read from, "-" for standard input.
 * @throws {Failure} If something else uses a file that is written to.
 */
export function checkApart(options: Options, read: readonly string[]): void {
  if (Deno.build.os !== "linux") return; // opening them says so
  const users = new Map<string, string>();
  const refuseSame = (user: string, place = "") => {
    const other = users.get(place);
    if (other === undefined) return;
    throw new Failure(
      `${user} and ${other} name the same file; give each a file of its own`,
    );
  };
  const enter = (user: string, place?: string) => {
    refuseSame(user, place);
    if (place !== undefined) users.set(place, user);
  };
  for (const [user, path] of readBy(options, read)) {
    const status = path === "-"
      ? fileStatus(STDIN)
      : fileStatus(AT_FDCWD, path, true);
    const place = identityOf(status);
    if (place !== undefined) users.set(place, user);
  }
  for (const [user, path] of rewrittenBy(options)) enter(user, placeOf(path));
  for (const [fd, user] of STREAMS) {
    const status = fileStatus(fd);
    if (status?.type === "file") refuseSame(user, status.identity);
  }
  // Whoever names one that a standard stream appends to wants both there.
  for (const [user, path] of appendedBy(options)) enter(user, placeOf(path));
}

type Uses = Iterable<readonly [user: string, path: string]>;

function* readBy(options: Options, read: readonly string[]): Uses {
  for (const path of read) yield ["--read", path];
  for (const path of options["ignore-file"] ?? []) {
    yield ["--ignore-file", path];
  }
  if (options.config !== undefined) yield ["--config", options.config];
}

function* rewrittenBy(options: Options): Uses {
  const { metrics, "pid-file": pidFile, control, read } = options;
  if (metrics !== undefined) yield ["--metrics", metrics];
  if (pidFile !== undefined) yield ["--pid-file", pidFile];
  if (read === undefined) {
    yield ["--control", control];
    yield ["the lock of --control", `${control}.lock`];
  }
  yield* outputsTo(options, /^html:(.*)/s);
}

function appendedBy(options: Options): Uses {
  return outputsTo(options, /^(?!html)\w+:(.*)/s);
}

/** The same sink twice is one. */
function* outputsTo({ output }: Options, kinds: RegExp): Uses {
  for (const text of new Set(output)) {
    const path = kinds.exec(text)?.[1];
    if (path !== undefined) yield [`--output ${text}`, path];
  }
}

/** Tells a file from all others, also one that is to be made. */
function placeOf(path: string): string | undefined {
  const status = fileStatus(AT_FDCWD, path);
  if (status !== undefined) return identityOf(status);
  const [parent, name] = splitPath(path);
  const directory = fileStatus(AT_FDCWD, parent, true);
  return directory && `${directory.identity} ${name}`;
}

/** Devices such as /dev/null are no place that anybody could call his own. */
function identityOf(status: FileStatus | undefined): string | undefined {
  return status?.type === "device" ? undefined : status?.identity;
}
