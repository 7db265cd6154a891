/**
 * What keeps root from giving up its privileges: in a container it often has few
 * of them, or is root in a user namespace only.
 *
 * @module
 */

import { missingCapabilities } from "../ffi/capabilities.ts";
import { readOwnProc } from "../ffi/libc.ts";

/** Stands for each user outside of the namespace (sysctl kernel.overflowuid). */
const OVERFLOW_UID = 65_534;

/** Why the root directory cannot be changed; undefined if it can. */
export function chrootObstacle(): string | undefined {
  return missing(["CAP_SYS_CHROOT"]);
}

/** Why no other user can be changed to; undefined if one can. */
export function userObstacle(): string | undefined {
  return missing(["CAP_SETUID", "CAP_SETGID"]) ?? groupsObstacle();
}

/** Why not to this one; undefined if it can be. */
export function mappingObstacle(
  { uid, gid }: { uid: number; gid: number },
): string | undefined {
  if (isMapped("uid_map", uid) && isMapped("gid_map", gid)) return undefined;
  return `user ${uid} or group ${gid} is not mapped in this user namespace`;
}

/** Whether a file's owner is outside, where nobody of this namespace can be. */
export function isOutside(uid: number): boolean {
  return uid === OVERFLOW_UID && !isMapped("uid_map", uid);
}

function missing(
  names: Parameters<typeof missingCapabilities>[0],
): string | undefined {
  const lacking = missingCapabilities(names);
  if (lacking.length === 0) return undefined;
  return `${lacking.join(" and ")} ${
    lacking.length === 1 ? "is" : "are"
  } missing`;
}

/** As after `unshare -r` by an ordinary user. */
function groupsObstacle(): string | undefined {
  return readOwnProc("setgroups").trim() === "deny"
    ? "this user namespace does not let groups go"
    : undefined;
}

/** Lines of first number inside, first outside, how many (user_namespaces(7)). */
function isMapped(map: "uid_map" | "gid_map", id: number): boolean {
  return readOwnProc(map).trimEnd().split("\n").some((line) => {
    const [first, , count] = line.trim().split(/\s+/).map(Number);
    return id >= first && id < first + count;
  });
}
