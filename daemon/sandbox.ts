/**
 * The last step before the first hostile byte: giving up what is not needed any
 * more, and making sure that it is gone.
 *
 * @module
 */

import { checked, libc } from "../ffi/libc.ts";
import { logInfo, logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import type { Options } from "./options.ts";
import {
  dropPrivileges,
  isRoot,
  resolveTarget,
  type Target,
} from "./privileges.ts";
import { installFilter, isSeccompSupported } from "./seccomp.ts";
import type { SandboxDescriptors } from "./syscalls.ts";
import { ThreadDirectory } from "./threads.ts";

/** What the rest of the program still needs. */
export interface SandboxNeeds {
  /** Descriptors that packets come from. */
  capture: readonly number[];
  /**
   * Called behind chroot: gives the directories between which a sink changes to
   * reconnect.
   */
  settle(): readonly number[];
  /** What stands in for something missing so far, in words. */
  standIns: readonly string[];
}

// bits/resource.h, bits/signum-generic.h
const RLIMIT_CORE = 4;
const SIGUSR1 = 10;
const SIG_IGN = 1n;
/** The runtime starts to listen to SIGUSR1 half a second after its start. */
const SIGUSR1_TAKEN_MS = 600;

/**
 * Gives up privileges as the options say.
 *
 * @throws {Error} If it did not come true: the process must not go on.
 */
export function enterSandbox(options: Options, needs: SandboxNeeds): void {
  if (Deno.build.os !== "linux") {
    logWarning(`no sandbox: there is none for ${Deno.build.os} yet`);
    return;
  }
  ignoreDebuggerSignal();
  if (options["no-drop"]) {
    logWarning("--no-drop: keeping all privileges, for debugging only");
    return;
  }
  const threads = new ThreadDirectory();
  const target = isRoot() ? findTarget(options, needs) : undefined;
  if (target !== undefined) dropPrivileges(target, threads);
  else if (options.read === undefined) {
    logInfo("not started as root: no chroot and no change of user");
  }
  confine({ capture: needs.capture, directories: needs.settle() }, threads);
  threads.close();
}

/**
 * Checks what can be checked of the user and the directory; returns whether
 * everything could be.
 *
 * @throws {Failure} If one is missing or unsafe.
 */
export function checkTarget(options: Options): boolean {
  if (Deno.build.os !== "linux" || !isRoot()) return false;
  if (!options["no-drop"]) findTarget(options, { standIns: [] });
  return true;
}

function findTarget(
  options: Options,
  { standIns }: Pick<SandboxNeeds, "standIns">,
): Target {
  // Who only tries it out or reads a file has installed nothing. A service
  // must insist: nobody would see what stands in for its user.
  const isFile = options.read !== undefined;
  const isCasual = options.trial || isFile;
  const target = resolveTarget({
    user: options.user,
    directory: options.chroot,
    mayReplaceUser: isCasual && !options.given.has("user"),
    mayReplaceDirectory: isCasual && !options.given.has("chroot"),
  });
  const all = [...target.standIns, ...standIns];
  if (all.length > 0 && !isFile) logInfo(`trial: ${all.join(", ")}`);
  return target;
}

/** SIGUSR1 would open a debugger on a port. */
function ignoreDebuggerSignal(): void {
  const ignore = () => libc().signal(SIGUSR1, SIG_IGN);
  ignore();
  Deno.unrefTimer(setTimeout(ignore, SIGUSR1_TAKEN_MS));
}

/** Leaves no memory behind, and installs the system call filter. */
function confine(
  descriptors: Pick<SandboxDescriptors, "capture" | "directories">,
  threads: ThreadDirectory,
): void {
  checked(
    libc().setrlimit(RLIMIT_CORE, new BigUint64Array(2)),
    "setrlimit(RLIMIT_CORE)",
  );
  if (!isSeccompSupported()) {
    logWarning(`no system call filter: there is none for ${Deno.build.arch}`);
    return;
  }
  // Behind the filter nothing can be opened, not even to look.
  const files = threads.open();
  installFilter({ ...descriptors, pid: libc().getpid() });
  for (const thread of files.read()) {
    if (thread.seccomp !== SECCOMP_FILTERED || thread.noNewPrivs !== 1) {
      throw new Failure(
        `thread ${thread.tid} has no system call filter: refusing to go on`,
      );
    }
  }
  files.close();
}

/** What /proc says of a thread with a filter. */
const SECCOMP_FILTERED = 2;
