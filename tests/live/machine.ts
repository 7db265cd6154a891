/**
 * A machine for one process: its own /dev, /run and /var and its own users, so
 * that tests neither need nor leave anything on the real one.
 *
 * @module
 */

/** The user that the daemon becomes. */
export const USER = { name: "scanlogd", id: 620 } as const;

/** What there is on the machine. */
export interface MachineOptions {
  /** Where syslogd's socket really is; none if left out. */
  log?: string;
  /** Whether there is a user for the daemon [true]. */
  user?: boolean;
  /** Whether there are empty directories to chroot to [true]. */
  empty?: boolean;
  /** A directory that becomes /run, to look at from outside. */
  run?: string;
  /** Shell commands that change something else. */
  setUp?: string;
}

/** What stands before a command to run it on such a machine. */
export function machine(options: MachineOptions = {}): string[] {
  return ["unshare", "--mount", "sh", "-c", script(options), "sh"];
}

function script(
  { log, user = true, empty = true, run, setUp = "" }: MachineOptions,
): string {
  const users = ["root:x:0:0::/root:/bin/sh"];
  if (user) {
    users.push(`${USER.name}:x:${USER.id}:${USER.id}::/:/usr/sbin/nologin`);
  }
  return [
    "set -e",
    ...emptyDirectory("/dev"),
    ...DEVICES.map(([name, minor]) => `mknod -m 666 /dev/${name} c 1 ${minor}`),
    log === undefined ? "" : `ln -s ${log} /dev/log`,
    ...(run === undefined
      ? emptyDirectory("/run")
      : [`mount --bind ${run} /run`]),
    // /etc/passwd is a file, so another file is mounted over it.
    `printf '%s\\n' ${users.map((line) => `'${line}'`).join(" ")} >/dev/passwd`,
    "mount --bind /dev/passwd /etc/passwd",
    ...emptyDirectory("/var"),
    empty ? "mkdir -p /var/empty /run/scanlogd/empty" : "",
    setUp,
    'exec "$@"',
  ].join("\n");
}

function emptyDirectory(path: string): string[] {
  return [`mount -t tmpfs -o mode=755 tmpfs ${path}`];
}

/** Memory devices and their minor numbers (admin-guide/devices.txt). */
const DEVICES = [["null", 3], ["zero", 5], ["random", 8], ["urandom", 9]];
