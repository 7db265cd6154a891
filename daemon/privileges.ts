/**
 * Giving up privileges: an empty root directory, no groups, another user; and
 * looking whether it came true.
 *
 * @module
 */

import { checked, cString, describeErrno, errno, libc } from "../ffi/libc.ts";
import { CAPABILITIES } from "../ffi/capabilities.ts";
import { callOnThreads, type ThreadCall } from "./every_thread.ts";
import { Failure, quote } from "./failure.ts";
import {
  chrootObstacle,
  isOutside,
  mappingObstacle,
  userObstacle,
} from "./obstacles.ts";
import { CALLS } from "./syscall_numbers.ts";
import type { ThreadDirectory, ThreadStatus } from "./threads.ts";

/** linux/prctl.h */
const PR_CAPBSET_DROP = 24;
/** linux/capability.h */
const CAPABILITY_VERSION_3 = 0x2008_0522;
const CHANGE_OF_USER = [CAPABILITIES.CAP_SETUID, CAPABILITIES.CAP_SETGID];

/** Who to become, and where. */
export interface Target {
  /** Undefined where no other user can be changed to. */
  user: TargetUser | undefined;
  /** The directory that becomes the root; undefined where none can. */
  directory: string | undefined;
  /** What stands in for something that is missing, in words. */
  standIns: string[];
  /** What cannot be done, and why, in words. */
  without: string[];
}

/** A user. */
export interface TargetUser {
  /** The user's number. */
  uid: number;
  /** The number of the user's group. */
  gid: number;
}

/** What is wanted. */
export interface DropOptions {
  /** The user's name. */
  user: string;
  /** The directory. */
  directory: string;
  /** Whether a stand-in for a missing user will do. */
  mayReplaceUser: boolean;
  /** Whether a stand-in for a missing directory will do. */
  mayReplaceDirectory: boolean;
}

/** Whether the process runs as root. */
export function isRoot(): boolean {
  return libc().geteuid() === 0;
}

/**
 * Finds the user and checks the directory, while that can still be reported.
 *
 * @throws {Failure} If one is missing or unsafe.
 */
export function resolveTarget(options: DropOptions): Target {
  const standIns: string[] = [];
  const without: string[] = [];
  const why = (what: string, obstacle: string | undefined) => {
    if (obstacle !== undefined) without.push(`${what} (${obstacle})`);
    return obstacle !== undefined;
  };
  const canEnter = !why("no chroot", chrootObstacle());
  const canChange = !why("no change of user", userObstacle());
  let user = canChange ? findUser(options, standIns) : undefined;
  if (user !== undefined && why("no change of user", mappingObstacle(user))) {
    user = undefined;
  }
  const directory = canEnter ? findDirectory(options, standIns) : undefined;
  return { user, directory, standIns, without };
}

function findUser(
  { user, mayReplaceUser }: DropOptions,
  standIns: string[],
): TargetUser {
  const entry = libc().getpwnam(cString(user));
  if (entry !== null) {
    // struct passwd: char *pw_name, char *pw_passwd, uid_t pw_uid, gid_t pw_gid
    const view = new Deno.UnsafePointerView(entry);
    const uid = view.getUint32(16);
    if (uid === 0) {
      throw new Failure(
        `--user: "${user}" is root; name a user without privileges, or use --no-drop for debugging`,
      );
    }
    return { uid, gid: view.getUint32(20) };
  }
  if (!mayReplaceUser) {
    // useradd would take nothing else, and whoever gives a number means a user.
    if (!/^[a-z_][\w-]{0,31}$/i.test(user)) {
      throw new Failure(
        `--user: there is no user named ${
          quote(user)
        }; give the name of one, such as scanlogd`,
      );
    }
    throw new Failure(
      `--user: there is no user "${user}"; create it with: useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin ${user}`,
    );
  }
  const uid = unallocatedUid();
  standIns.push(`uid ${uid} instead of user "${user}"`);
  return { uid, gid: uid };
}

/** systemd's range for dynamic users (https://systemd.io/UIDS-GIDS). */
const DYNAMIC_UIDS = { first: 61_184, last: 65_519 };

function unallocatedUid(): number {
  for (let uid = DYNAMIC_UIDS.first; uid <= DYNAMIC_UIDS.last; uid++) {
    if (libc().getpwuid(uid) === null && libc().getgrgid(uid) === null) {
      return uid;
    }
  }
  throw new Failure(
    `no uid from ${DYNAMIC_UIDS.first} to ${DYNAMIC_UIDS.last} is free; name a user with --user`,
  );
}

function findDirectory(
  { directory, mayReplaceDirectory }: DropOptions,
  standIns: string[],
): string {
  const isMissing = statOrUndefined(directory) === undefined;
  if (isMissing && mayReplaceDirectory) {
    standIns.push(`an empty directory instead of ${directory}`);
    return TEMPORARY;
  }
  if (isMissing) {
    throw new Failure(
      `--chroot: there is no directory "${directory}"; create it with: mkdir -p -m 755 ${directory}`,
    );
  }
  if (!directory.startsWith("/")) {
    throw new Failure(`--chroot must be an absolute path, got "${directory}"`);
  }
  for (const path of pathAndParents(directory)) checkDirectory(path);
  return directory;
}

function statOrUndefined(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** `/a/b`, `/a`, `/`. */
function pathAndParents(path: string): string[] {
  const real = Deno.realPathSync(path);
  const paths = [real];
  for (let end = real.length; (end = real.lastIndexOf("/", end - 1)) > 0;) {
    paths.push(real.slice(0, end));
  }
  return real === "/" ? paths : [...paths, "/"];
}

/** Whoever can rename the directory or put something in could get out of it. */
function checkDirectory(path: string): void {
  const { isDirectory, uid, mode } = Deno.statSync(path);
  if (!isDirectory) {
    throw new Failure(
      `--chroot: "${path}" is not a directory; name an empty one, such as /var/empty`,
    );
  }
  if (uid !== 0 && !isOutside(uid ?? 0)) {
    throw new Failure(
      `--chroot: "${path}" is not owned by root; mend it with: chown root ${path}`,
    );
  }
  if (((mode ?? 0) & 0o001) === 0) {
    throw new Failure(
      `--chroot: "${path}" cannot be entered by --user; mend it with: chmod a+x ${path}`,
    );
  }
  if (((mode ?? 0) & 0o022) !== 0) {
    throw new Failure(
      `--chroot: "${path}" is writable by others than root; mend it with: chmod go-w ${path}`,
    );
  }
}

/** Stands for a directory that is made, entered and removed at once. */
const TEMPORARY = "";

/**
 * Gives up all capabilities for good, becomes the user and sees no directory but
 * the target's, as far as there are any, on every thread, and makes sure of it.
 *
 * @throws {Error} If it did not come true: the process must not go on.
 */
export function dropPrivileges(
  { user, directory }: Pick<Target, "user" | "directory">,
  threads: ThreadDirectory,
): void {
  if (directory !== undefined) enter(directory);
  giveUpCapabilities(user === undefined ? [] : CHANGE_OF_USER, threads);
  if (user !== undefined) become(user);
  for (const thread of threads.look()) {
    if (user !== undefined) checkUser(thread, user);
    checkCapabilities(thread);
  }
}

function enter(directory: string): void {
  if (directory === TEMPORARY) enterTemporaryDirectory();
  else checked(libc().chdir(cString(directory)), `chdir to ${directory}`);
  permitted(libc().chroot(cString(".")), "chroot");
  checked(libc().chdir(cString("/")), "chdir to the new root");
}

/** The capabilities were there, so whoever refuses stands outside. */
function permitted(result: number, call: string): void {
  if (result >= 0) return;
  throw new Failure(
    `${call}: ${
      describeErrno(errno())
    }, although we are root: an outer filter (seccomp, AppArmor, SELinux) must allow it, or start it as another user with CAP_NET_RAW`,
  );
}

/** The C library carries these to every thread, and they end capabilities. */
function become({ uid, gid }: TargetUser): void {
  permitted(libc().setgroups(0n, null), "setgroups");
  permitted(libc().setresgid(gid, gid, gid), "setresgid");
  permitted(libc().setresuid(uid, uid, uid), "setresuid");
}

/** Gives up what threads have and could get by executing a file, but for these. */
function giveUpCapabilities(
  kept: readonly number[],
  threads: ThreadDirectory,
): void {
  const set = kept.reduce((set, each) => set | 1 << each, 0);
  const canEmpty = threads.look().every(({ capabilities: { CapEff } }) =>
    (CapEff >> BigInt(CAPABILITIES.CAP_SETPCAP) & 1n) !== 0n
  );
  const bounding = canEmpty ? BOUNDING.map(dropFromBoundingSet) : [];
  callOnThreads(
    [...bounding, capset(set)],
    () =>
      threads.look().filter(({ capabilities: { CapBnd, ...sets } }) =>
        canEmpty && CapBnd !== 0n ||
        sets.CapInh !== 0n ||
        (sets.CapPrm & ~BigInt(set)) !== 0n
      ).map(({ tid }) => tid),
  );
  for (const thread of threads.look()) {
    if (!canEmpty || thread.capabilities.CapBnd === 0n) continue;
    refuse(
      thread,
      "capabilities that it could get (CapBnd); an outer filter must allow prctl(2), and SIGURG must not be blocked",
    );
  }
}

/** All that there can be, whatever the kernel knows. */
const BOUNDING = Array.from({ length: 64 }, (_, capability) => capability);

function dropFromBoundingSet(capability: number): ThreadCall {
  return { call: CALLS.prctl, args: [PR_CAPBSET_DROP, capability] };
}

/** Makes a set the effective and the permitted one, and none inheritable. */
function capset(set: number): ThreadCall {
  const header = Uint32Array.of(CAPABILITY_VERSION_3, 0);
  // struct __user_cap_data_struct, of the lower and the upper 32.
  const data = Uint32Array.of(set, set, 0, 0, 0, 0);
  return { call: CALLS.capset, args: [header, data] };
}

/** Where a directory may be made, also where the root is read-only. */
const TEMPORARY_PLACES = ["/run", "/tmp", "/dev/shm"];

/** A directory that nobody else can ever name again. */
function enterTemporaryDirectory(): void {
  const template = TEMPORARY_PLACES.map((place) =>
    cString(`${place}/scanlogd.XXXXXX`)
  ).find((template) => libc().mkdtemp(template) !== null);
  if (template === undefined) {
    throw new Failure(
      `cannot make an empty directory in ${
        TEMPORARY_PLACES.join(", ")
      }; name one that is there with --chroot`,
    );
  }
  checked(libc().chdir(template), "chdir to the empty directory");
  // The user must be able to come back to it after reconnecting to syslogd.
  checked(libc().chmod(template, 0o555), "chmod of the empty directory");
  checked(libc().rmdir(template), "rmdir of the empty directory");
}

function checkUser(thread: ThreadStatus, { uid, gid }: TargetUser): void {
  if (!thread.uids.every((id) => id === uid)) refuse(thread, "another user");
  if (!thread.gids.every((id) => id === gid)) refuse(thread, "another group");
  if (thread.groups.length > 0) refuse(thread, "supplementary groups");
}

function checkCapabilities(thread: ThreadStatus): void {
  for (const name of ["CapEff", "CapPrm", "CapInh", "CapAmb"]) {
    if (thread.capabilities[name] === 0n) continue;
    refuse(
      thread,
      `capabilities (${name}); an outer filter must allow capset(2), and SIGURG must not be blocked`,
    );
  }
}

function refuse({ tid }: ThreadStatus, what: string): never {
  throw new Failure(`refusing to go on: thread ${tid} still has ${what}`);
}
