/**
 * How much processor time a process takes from its start to its end.
 *
 * @module
 */

import type { Lab } from "./lab.ts";

/** What a run of a process took. */
export interface Run {
  /** Processor time in seconds, the kernel's part too. */
  cpu: number;
  /** Lines written to standard output. */
  lines: number;
}

/** A process to measure. */
export interface Command {
  /** The program and its arguments. */
  words: readonly string[];
  /** What its environment has besides ours. */
  env?: Readonly<Record<string, string>>;
}

/** The shell's `time` is there wherever bash is, unlike /usr/bin/time. */
const SCRIPT = `TIMEFORMAT='%3U %3S'; out=$1; shift; time "$@" >"$out"`;

/**
 * Runs a process and measures it.
 *
 * @throws {Error} If it fails.
 */
export async function measure(command: Command, lab: Lab): Promise<Run> {
  const out = `${lab.folder}/stdout`;
  const words = programWords(command);
  const { success, stderr } = await lab.output([
    ...["bash", "-c", SCRIPT, "bash", out],
    ...words,
  ]);
  const text = new TextDecoder().decode(stderr).trimEnd();
  if (!success) throw new Error(`${command.words[0]} failed: ${text}`);
  const [user, system] = (text.split("\n").at(-1) ?? "").split(" ").map(Number);
  return { cpu: user + system, lines: await countLines(out) };
}

/** Through env(1), so that a preloaded library does not reach the shell. */
function programWords({ words, env = {} }: Command): string[] {
  const settings = Object.entries(env).map(([name, value]) =>
    `${name}=${value}`
  );
  return settings.length === 0 ? [...words] : ["env", ...settings, ...words];
}

async function countLines(path: string): Promise<number> {
  const text = await Deno.readTextFile(path);
  return text.split("\n").length - 1;
}
