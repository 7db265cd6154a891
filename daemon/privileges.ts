/**
 * Giving up privileges: an empty root directory, no groups, another user; and
 * looking whether it came true.
 *
 * @module
 */

import { checked, cString, describeErrno, errno, libc } from "../ffi/libc.ts";
import { Failure } from "./failure.ts";
import {
  chrootObstacle,
  isOutside,
  mappingObstacle,
  userObstacle,
} from "./obstacles.ts";
import type { ThreadDirectory, ThreadStatus } from "./threads.ts";

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
    throw new Failure(
      `--user: there is no user "${user}"; create it with: useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin ${user}`,
    );
  }
  const uid = unallocatedUid();
  standIns.push(`uid ${uid} instead of user "${user}"`);
  return { uid, gid: uid };
}

/** linux/prctl.h */
const PR_CAPBSET_DROP = 24;

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
 * Becomes the user for good and sees no directory but the target's, on every
 * thread, and makes sure of it.
 *
 * @throws {Error} If it did not come true: the process must not go on.
 */
export function dropPrivileges(
  { user, directory }: Target,
  threads: ThreadDirectory,
): void {
  if (directory !== undefined) enter(directory);
  dropBoundingSet();
  if (user === undefined) return;
  const { uid, gid } = user;
  // The C library carries these to every thread.
  permitted(libc().setgroups(0n, null), "setgroups");
  permitted(libc().setresgid(gid, gid, gid), "setresgid");
  permitted(libc().setresuid(uid, uid, uid), "setresuid");
  const files = threads.open();
  for (const thread of files.read()) checkThread(thread, uid, gid);
  files.close();
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

/**
 * What executing a file could never give back. It reaches the calling thread
 * only; on the others, that nothing can be executed has to do.
 */
function dropBoundingSet(): void {
  for (let capability = 0; capability < 64; capability++) {
    const option = BigInt(capability);
    if (libc().prctl(PR_CAPBSET_DROP, option, 0n, 0n, 0n) < 0) return;
  }
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

function checkThread(thread: ThreadStatus, uid: number, gid: number): void {
  const refuse = (what: string) => {
    throw new Failure(
      `refusing to go on: thread ${thread.tid} still has ${what}`,
    );
  };
  if (!thread.uids.every((id) => id === uid)) refuse("another user");
  if (!thread.gids.every((id) => id === gid)) refuse("another group");
  if (thread.groups.length > 0) refuse("supplementary groups");
  for (const name of ["CapEff", "CapPrm", "CapAmb"]) {
    if (thread.capabilities[name] !== 0n) refuse(`capabilities (${name})`);
  }
  // A change of user leaves these, and each thread can only give up its own.
  if (thread.capabilities.CapInh !== 0n) {
    refuse(
      "inheritable capabilities (CapInh); start it with: setpriv --inh-caps=-all",
    );
  }
}
