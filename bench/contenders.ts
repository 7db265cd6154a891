/**
 * What is measured: our program, our library, and the reference.
 *
 * @module
 */

import { type Command, measure } from "./measure.ts";

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
  run(trace: string): Promise<{ cpu: number; lines?: number }>;
}

const ROOT = new URL("../", import.meta.url).pathname;
/** The reference on a virtual clock, and the traces: the live tests' own. */
export const REFERENCE_FOLDER = `${ROOT}tests/live/reference/`;

/** The shell's clock, in seconds: less than that cannot be told from nothing. */
const RESOLUTION = 0.001;

/** A whole process, measured with the trace and with an empty one. */
class Process implements Contender {
  constructor(
    readonly name: string,
    private readonly command: (trace: string) => Command,
    private readonly emptyTrace: string,
    private readonly folder: string,
  ) {}

  async run(trace: string): Promise<{ cpu: number; lines: number }> {
    const startUp = await measure(this.command(this.emptyTrace), this.folder);
    const { cpu, lines } = await measure(this.command(trace), this.folder);
    return { cpu: Math.max(cpu - startUp.cpu, RESOLUTION), lines };
  }
}

/** Our program with `--read`. */
export function ourProgram(emptyTrace: string, folder: string): Contender {
  const command = (trace: string) => ({
    words: [
      ...[Deno.execPath(), "run", "--no-prompt", "--no-code-cache"],
      ...["--allow-ffi", "--allow-read", `${ROOT}main.ts`],
      ...["--classic", "--utc", "--output", "stdout", "--read", trace],
    ],
    env: { DENO_NO_UPDATE_CHECK: "1" },
  });
  return new Process("scanlogd --read", command, emptyTrace, folder);
}

/** Debian's scanlogd, replaying a trace; undefined if it cannot be run. */
export async function reference(
  emptyTrace: string,
  folder: string,
): Promise<Contender | undefined> {
  const program = findProgram("scanlogd");
  if (program === undefined || findProgram("gcc") === undefined) return;
  const shim = `${folder}/replay_shim.so`;
  const { success, stderr } = await new Deno.Command("gcc", {
    args: [
      ...["-O2", "-shared", "-fPIC", "-o", shim],
      ...[`${REFERENCE_FOLDER}replay_shim.c`, "-ldl"],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const command = (trace: string) => ({
    words: [program],
    env: { LD_PRELOAD: shim, REPLAY_PCAP: trace, TZ: "UTC" },
  });
  return new Process("reference, replayed", command, emptyTrace, folder);
}

/** Our library on a trace in memory. */
export const ourLibrary: Contender = {
  name: "decode and detect",
  async run(trace) {
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: ["run", "--allow-read", `${ROOT}bench/in_memory.ts`, trace],
        env: { DENO_NO_UPDATE_CHECK: "1" },
      },
    ).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(decoder.decode(stderr));
    return { cpu: Number(decoder.decode(stdout)) };
  },
};

/** Where a program is; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  // Daemons live where an ordinary user's search path does not lead.
  return [...folders, "/usr/sbin", "/sbin"].map((folder) => `${folder}/${name}`)
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
}
