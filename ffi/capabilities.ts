/**
 * What the process may do (capabilities(7)), and what to grant where it may not.
 *
 * @module
 */

import { libc, readOwnProc } from "./libc.ts";

// linux/capability.h
const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SETPCAP = 8;
const CAP_NET_RAW = 13;
const CAP_SYS_CHROOT = 18;

/** Capabilities by name. */
export const CAPABILITIES = {
  CAP_SETGID,
  CAP_SETUID,
  CAP_SETPCAP,
  CAP_NET_RAW,
  CAP_SYS_CHROOT,
} as const;

/** Which of the named capabilities the main thread lacks. */
export function missingCapabilities(
  names: readonly (keyof typeof CAPABILITIES)[],
): string[] {
  const [, hex] = /^CapEff:\s*(\w+)$/m.exec(readOwnProc("status")) ?? [];
  const effective = BigInt(`0x${hex ?? "0"}`);
  return names.filter((name) =>
    (effective >> BigInt(CAPABILITIES[name]) & 1n) === 0n
  );
}

/**
 * What to do where the kernel refuses a packet socket. The runtime itself must
 * never be granted anything: every script of every user would have it.
 */
export function adviseOnPacketSocket(): string {
  const isMissing = Deno.build.os !== "linux" ||
    missingCapabilities(["CAP_NET_RAW"]).length > 0;
  if (!isMissing) {
    return "the network belongs to another user namespace; start it where the network is, or with a network of its own (unshare --net)";
  }
  const missing = "CAP_NET_RAW is missing";
  if (libc().geteuid() === 0) {
    return `${missing}; grant it to the container (docker run --cap-add NET_RAW) or to the service`;
  }
  return Deno.build.standalone
    ? `${missing}; run as root, or grant it with: setcap cap_net_raw+ep ${Deno.execPath()}`
    : `${missing}; run as root`;
}
