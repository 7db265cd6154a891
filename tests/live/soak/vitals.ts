/**
 * What a process holds: memory, descriptors, threads.
 *
 * @module
 */

/** What a process holds at a moment. */
export interface Vitals {
  /** Resident memory in KiB. */
  memory: number;
  /** Open descriptors. */
  descriptors: number;
  /** Threads. */
  threads: number;
}

/** Looks at a process (proc(5)). */
export function vitalsOf(pid: number): Vitals {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    memory: field("VmRSS"),
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: field("Threads"),
  };
}
