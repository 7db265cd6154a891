/**
 * Going to the background.
 *
 * The runtime cannot fork, so the program starts itself again, in a session of
 * its own. The child's standard error is a pipe to the parent: what the child
 * says before it watches is passed on, a zero byte tells that it does, and an
 * end without one that it failed.
 *
 * @module
 */

import {
  checked,
  cString,
  describeDescriptor,
  environment,
  libc,
  readOwnProc,
  SystemError,
} from "../ffi/libc.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDWR, POLLIN } from "../ffi/linux.ts";
import { Failure } from "./failure.ts";
import { onSignal } from "./signals.ts";

/** Tells the child that it is one. */
const CHILD_VARIABLE = "SCANLOGD_BACKGROUND";
// spawn.h
const POSIX_SPAWN_SETSID = 0x80;
/** glibc's posix_spawn_file_actions_t and posix_spawnattr_t are smaller. */
const SPAWN_STRUCT = 512;
const STDERR = 2;
// bits/signum-generic.h
const SIGTERM = 15;
/** Far above what is open at the start. */
const MAX_DESCRIPTOR = 1024;
const READY = new Uint8Array(1);

/** Whether this process is the one that was started for the background. */
export function isBackgroundChild(): boolean {
  return environment(CHILD_VARIABLE) !== undefined;
}

/**
 * Starts the program again in the background and waits until it watches.
 *
 * @throws {Failure} If it did not start; it has said why itself.
 */
export async function startInBackground(): Promise<void> {
  const pipe = new Int32Array(2);
  checked(libc().pipe2(pipe, O_CLOEXEC), "pipe2");
  const [readEnd, writeEnd] = pipe;
  const child = spawnSelf(writeEnd);
  libc().close(writeEnd);
  let isCalledOff = false;
  const callOff = () => {
    isCalledOff = true;
    libc().kill(child, SIGTERM);
  };
  onSignal("SIGTERM", callOff);
  onSignal("SIGINT", callOff);
  const isReady = await passOn(readEnd);
  if (!isReady && !isCalledOff) throw new Failure("", { isSaid: true });
}

/** Returns the number of the new process. */
function spawnSelf(stderr: number): number {
  const actions = new Uint8Array(SPAWN_STRUCT);
  const attributes = new Uint8Array(SPAWN_STRUCT);
  const devNull = cString("/dev/null");
  libc().posix_spawn_file_actions_init(actions);
  libc().posix_spawn_file_actions_adddup2(actions, stderr, STDERR);
  for (const fd of [0, 1]) {
    libc().posix_spawn_file_actions_addopen(actions, fd, devNull, O_RDWR, 0);
  }
  libc().posix_spawnattr_init(attributes);
  libc().posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID);
  const argv = stringArray(splitNul("cmdline"));
  const envp = stringArray([
    ...splitNul("environ"),
    `${CHILD_VARIABLE}=1`,
  ]);
  const pid = new Int32Array(1);
  const status = libc().posix_spawn(
    pid,
    cString("/proc/self/exe"),
    actions,
    attributes,
    argv.pointers,
    envp.pointers,
  );
  if (status !== 0) throw new SystemError("posix_spawn", status);
  return pid[0];
}

/** The strings of a file in /proc, as this process was started with them. */
function splitNul(name: string): string[] {
  return readOwnProc(name).split("\0").slice(0, -1);
}

/** A NULL-terminated `char *[]`, and the strings that must outlive its use. */
function stringArray(strings: readonly string[]) {
  const kept = strings.map(cString);
  const addresses = kept.map((bytes) =>
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))
  );
  return { pointers: BigUint64Array.from([...addresses, 0n]), kept };
}

/** Passes on what the child says; returns whether it watches. */
async function passOn(fd: number): Promise<boolean> {
  const buffer = new Uint8Array(4096);
  const pollfd = new Int32Array([fd, POLLIN]);
  for (;;) {
    await libc().poll(pollfd, 1n, -1);
    const length = Number(libc().read(fd, buffer, BigInt(buffer.length)));
    if (length <= 0) return false;
    const text = buffer.subarray(0, length);
    const end = text.indexOf(READY[0]);
    await Deno.stderr.write(end < 0 ? text : text.subarray(0, end));
    if (end >= 0) return true;
  }
}

/** What ties the child to the parent, and is to be cut once it watches. */
export class ParentLink {
  readonly #tied: readonly number[];
  readonly #null: number;

  /** Looks while /proc and /dev can still be reached. */
  constructor() {
    this.#null = checked(
      libc().openat(AT_FDCWD, cString("/dev/null"), O_RDWR | O_CLOEXEC, 0),
      "open /dev/null",
    );
    this.#tied = descriptorsLike(STDERR);
  }

  /** Tells the parent that all is well, and lets go of its pipe. */
  cut(): void {
    libc().write(STDERR, READY, 1n);
    for (const fd of this.#tied) libc().dup2(this.#null, fd);
  }
}

/** The runtime keeps copies of the standard descriptors at high numbers. */
function descriptorsLike(fd: number): number[] {
  const target = describeDescriptor(fd);
  const all = Array.from({ length: MAX_DESCRIPTOR }, (_, other) => other);
  return all.filter((other) => describeDescriptor(other) === target);
}
