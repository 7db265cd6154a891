/**
 * What a running process has used, and what the kernel has counted.
 *
 * @module
 */

import { checked, libc } from "../ffi/libc.ts";
import type { Namespace } from "../tests/live/namespaces.ts";

/** CPUCLOCK_SCHED of the kernel's linux/posix-timers.h: all that it ran. */
const CPUCLOCK_SCHED = 2;

/**
 * Processor time that a process has used so far, in seconds. Exact, unlike
 * /proc/PID/stat, which counts in hundredths.
 *
 * @throws {SystemError} If there is no such process.
 */
export function processorTime(pid: number): number {
  // What clock_getcpuclockid(3) returns.
  const clock = (~pid << 3) | CPUCLOCK_SCHED;
  const timespec = new Int32Array(4); // struct timespec on 64-bit systems
  checked(
    libc().clock_gettime(clock, timespec),
    `processor time of process ${pid}`,
  );
  return (timespec[0] >>> 0) + timespec[2] / 1e9;
}

/**
 * Memory that a process holds (resident set), in MB.
 *
 * @throws {Error} If there is no such process.
 */
export function residentMemory(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kib = Number(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]);
  return kib * 1024 / 1e6;
}

/** What the kernel has counted on a host. */
export interface KernelCounts {
  /** Packets that came in by eth0. */
  received: number;
  /** IPv4 packets handed on to a protocol, and so to raw sockets. */
  delivered: number;
  /** Packets that found a raw socket's queue full. */
  rawDrops: number;
}

/** Reads the counts of a host. */
export async function kernelCounts(host: Namespace): Promise<KernelCounts> {
  const [device, snmp, raw] = await Promise.all(
    ["dev", "snmp", "raw"].map((name) =>
      host.run(["cat", `/proc/net/${name}`])
    ),
  );
  return {
    received: receivedPackets(device),
    delivered: deliveredPackets(snmp),
    rawDrops: rawSocketDrops(raw),
  };
}

/** "eth0: bytes packets ...", the receiver's side first (proc_pid_net(5)). */
function receivedPackets(text: string): number {
  return Number(/^ *eth0: *\d+ +(\d+)/m.exec(text)?.[1] ?? 0);
}

/** A line of names and one of values. */
function deliveredPackets(text: string): number {
  const [names, values] = text.split("\n")
    .filter((line) => line.startsWith("Ip:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("InDelivers")]);
}

/** A line of titles, then a line a socket; the last column is its drops. */
function rawSocketDrops(text: string): number {
  return text.split("\n").slice(1)
    .map((line) => Number(line.trim().split(/ +/).at(-1)))
    .reduce((sum, drops) => sum + drops, 0);
}
