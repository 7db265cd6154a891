/**
 * The last step before the first hostile byte: giving up what is not needed any
 * more, and making sure that it is gone.
 *
 * @module
 */

import { checked, libc } from "../ffi/libc.ts";
import { prepareTrial } from "./attempts.ts";
import { Descriptors } from "./descriptors.ts";
import { logDetail, logInfo, logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import type { Capture } from "../capture/capture.ts";
import type { Options } from "./options.ts";
import type { SinkNeeds } from "./outputs.ts";
import {
  dropPrivileges,
  isRoot,
  resolveTarget,
  type Target,
} from "./privileges.ts";
import {
  assembleFilter,
  checkFilter,
  installFilter,
  isSeccompSupported,
} from "./seccomp.ts";
import type { SandboxDescriptors } from "./syscalls.ts";
import { ThreadDirectory } from "./threads.ts";

/** What the rest of the program still needs. */
export interface SandboxNeeds {
  /** Its descriptors, and what is done with them. */
  capture: Pick<Capture, "descriptors" | "rebound" | "joining">;
  /** Descriptors of files that are rewritten, besides those of the sinks. */
  rewritten: readonly number[];
  /** Called behind chroot: gives what the sinks go on using. */
  settle(): SinkNeeds;
  /** What stands in for something missing so far, in words. */
  standIns: readonly string[];
}

/** Whoever is not root can change neither the user nor the directory. */
const NOBODY = { user: undefined, directory: undefined };

const PR_SET_DUMPABLE = 4; // linux/prctl.h

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
  if (options["no-drop"]) {
    logWarning("--no-drop: keeping all privileges, for debugging only");
    return;
  }
  const threads = new ThreadDirectory();
  const descriptors = new Descriptors([options.read ?? []].flat());
  const target = isRoot() ? findTarget(options) : undefined;
  if (target !== undefined) tellStandIns(options, target, needs);
  for (const what of descriptors.silence()) {
    logDetail(`${what} was open, and is out of reach now`);
  }
  if (target === undefined && options.read === undefined) {
    logInfo("not started as root: no chroot and no change of user");
  }
  dropPrivileges(target ?? NOBODY, threads);
  const { directories, streams, rewritten } = needs.settle();
  descriptors.check();
  const connected = descriptors.sockets();
  descriptors.close();
  confine({
    ...numbersOf(needs.capture),
    connected,
    directories,
    streams,
    rewritten: [...needs.rewritten, ...rewritten],
  }, threads);
  threads.close();
}

function numbersOf(
  { descriptors: capture, rebound = [], joining = [] }: SandboxNeeds["capture"],
): Pick<SandboxDescriptors, "capture" | "rebound" | "joining"> {
  return { capture, rebound, joining };
}

/**
 * Checks what can be checked of the user, the directory and the system call
 * filter; returns whether everything could be.
 *
 * @param capture Whose descriptors make most of the filter's length.
 * @throws {Failure} If one is missing or unsafe.
 */
export function checkTarget(
  options: Options,
  capture?: SandboxNeeds["capture"],
): boolean {
  if (Deno.build.os !== "linux") return false;
  if (!options["no-drop"]) {
    checkFilter();
    if (capture !== undefined) checkLength(capture);
  }
  if (!isRoot()) return false;
  if (!options["no-drop"]) findTarget(options);
  return true;
}

/** What is not open yet has other numbers, but few more. */
const OPENED_LATER = [0, 1, 2, 3];

function checkLength(capture: SandboxNeeds["capture"]): void {
  if (!isSeccompSupported()) return;
  assembleFilter({
    ...numbersOf(capture),
    connected: [],
    directories: OPENED_LATER,
    rewritten: OPENED_LATER,
    streams: true,
    pid: 0,
  });
}

function findTarget(options: Options): Target {
  // Who only tries it out or reads a file has installed nothing. A service
  // must insist: nobody would see what stands in for its user.
  const isCasual = options.trial || options.read !== undefined;
  return resolveTarget({
    user: options.user,
    directory: options.chroot,
    mayReplaceUser: isCasual && !options.given.has("user"),
    mayReplaceDirectory: isCasual && !options.given.has("chroot"),
  });
}

function tellStandIns(
  { read }: Options,
  target: Target,
  { standIns }: SandboxNeeds,
): void {
  // Who reads a file wants to know what is in it.
  const log = read === undefined ? logInfo : logDetail;
  const all = [...target.standIns, ...standIns];
  if (all.length > 0) log(`trial: ${all.join(", ")}`);
  if (target.without.length > 0) log(target.without.join(", "));
}

/** Leaves no memory behind, and installs the system call filter. */
function confine(
  descriptors: Omit<SandboxDescriptors, "pid">,
  threads: ThreadDirectory,
): void {
  // A limit would not keep a socket from getting it, nor one of 0 a pipe (core(5)).
  checked(libc().prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n), "prctl");
  if (!isSeccompSupported()) {
    logWarning(`no system call filter: there is none for ${Deno.build.arch}`);
    return;
  }
  // Behind the filter nothing can be opened, not even to look.
  const files = threads.open();
  const tryFilter = prepareTrial(descriptors);
  installFilter({ ...descriptors, pid: libc().getpid() });
  for (const thread of files.read()) {
    if (thread.seccomp !== SECCOMP_FILTERED || thread.noNewPrivs !== 1) {
      throw new Failure(
        `thread ${thread.tid} has no system call filter: refusing to go on`,
      );
    }
  }
  files.close();
  tryFilter();
}

/** What /proc says of a thread with a filter. */
const SECCOMP_FILTERED = 2;
