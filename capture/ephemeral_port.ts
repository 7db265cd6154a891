/**
 * Which ports this host takes for connections of its own.
 *
 * @module
 */

import { readProc } from "../ffi/libc.ts";

/**
 * The lowest port that the host takes for its own connections, in the network
 * namespace that the process runs in (ip(7), `ip_local_port_range`); undefined
 * where that cannot be told.
 */
export function lowestEphemeralPort(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return parsePortRange(readProc("sys/net/ipv4/ip_local_port_range"));
  } catch {
    return undefined; // /proc need not be there, or not all of it
  }
}

/** The first of the two ports in the file's text; undefined if they are none. */
export function parsePortRange(text: string): number | undefined {
  const [, lowest, highest] = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(text) ?? [];
  const isRange = Number(lowest) >= 1 && Number(highest) <= 65_535 &&
    Number(lowest) <= Number(highest);
  return isRange ? Number(lowest) : undefined;
}
