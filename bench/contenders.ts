/**
 * Who replays a trace: our program, our library, and the reference.
 *
 * @module
 */

import { V8_FLAGS } from "../packaging/compile.ts";
import type { Lab } from "./lab.ts";
import { type Command, measure } from "./measure.ts";
import { findProgram } from "./programs.ts";

/** Somebody who reads a trace. */
export interface Contender {
  /** What it is called in the table. */
  readonly name: string;
  /**
   * Reads a trace.
   *
   * @returns Processor time without start-up, in seconds, and lines written;
   * undefined lines if it writes none.
   */
  run(trace: string, lab: Lab): Promise<{ cpu: number; lines?: number }>;
}

const ROOT = new URL("../", import.meta.url).pathname;
/** The reference on a virtual clock, and the traces: the live tests' own. */
export const REFERENCE_FOLDER = `${ROOT}tests/live/reference/`;

/** The shell's clock, in seconds: less than that cannot be told from nothing. */
const RESOLUTION = 0.001;

/** A whole process, measured with the trace and with an empty one. */
export class WholeProcess implements Contender {
  constructor(
    readonly name: string,
    private readonly command: (trace: string) => Command,
    private readonly emptyTrace: string,
    private readonly writesLines = true,
  ) {}

  async run(trace: string, lab: Lab): Promise<{ cpu: number; lines?: number }> {
    const startUp = await measure(this.command(this.emptyTrace), lab);
    const { cpu, lines } = await measure(this.command(trace), lab);
    const beyond = { cpu: Math.max(cpu - startUp.cpu, RESOLUTION) };
    return this.writesLines ? { ...beyond, lines } : beyond;
  }
}

/** Our program with `--read`, and with further options. */
export function ourProgram(
  emptyTrace: string,
  options: readonly string[] = [],
): Contender {
  const command = (trace: string) => ({
    words: [
      ...[Deno.execPath(), "run", "--no-prompt", "--no-code-cache", V8_FLAGS],
      ...["--allow-ffi", "--allow-read", `${ROOT}main.ts`, ...options],
      ...["--utc", "--output", "stdout", "--read", trace],
    ],
  });
  const name = ["scanlogd --read", ...options].join(" ");
  return new WholeProcess(name, command, emptyTrace);
}

/** Our library on a trace in memory. */
export function ourLibrary({ classic }: { classic: boolean }): Contender {
  const option = classic ? ["--classic"] : [];
  return {
    name: ["in memory", ...option].join(" "),
    async run(trace, lab) {
      const { success, stdout, stderr } = await lab.output([
        ...[
          Deno.execPath(),
          "run",
          "--allow-read",
          `${ROOT}bench/in_memory.ts`,
        ],
        ...[trace, ...option],
      ]);
      const decoder = new TextDecoder();
      if (!success) throw new Error(decoder.decode(stderr));
      return { cpu: Number(decoder.decode(stdout)) };
    },
  };
}

/** What the reference is called in all tables. */
export const REFERENCE = "reference";

/** Debian's scanlogd, replaying a trace; undefined if it cannot be run. */
export async function referenceReplay(
  emptyTrace: string,
  lab: Lab,
): Promise<Contender | undefined> {
  const program = findProgram("scanlogd");
  if (program === undefined || findProgram("gcc") === undefined) return;
  const shim = `${lab.folder}/replay_shim.so`;
  const { success, stderr } = await lab.output([
    ...["gcc", "-O2", "-shared", "-fPIC", "-o", shim],
    ...[`${REFERENCE_FOLDER}replay_shim.c`, "-ldl"],
  ]);
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const command = (trace: string) => ({
    words: [program],
    env: { LD_PRELOAD: shim, REPLAY_PCAP: trace, TZ: "UTC" },
  });
  return new WholeProcess(REFERENCE, command, emptyTrace);
}
