/**
 * How much processor time a process takes.
 *
 * @module
 */

/** What a run of a process took. */
export interface Run {
  /** Processor time in seconds, the kernel's part too. */
  cpu: number;
  /** Time on the wall, in seconds. */
  elapsed: number;
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
const SCRIPT = `TIMEFORMAT='%3U %3S %3R'; time "$@" >"$BENCH_OUT"`;

/**
 * Runs a process and measures it.
 *
 * @param folder Where its output may be kept meanwhile.
 * @throws {Error} If it fails.
 */
export async function measure(command: Command, folder: string): Promise<Run> {
  const out = `${folder}/stdout`;
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-c", SCRIPT, "bash", ...programWords(command)],
    env: { BENCH_OUT: out, LC_ALL: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr).trimEnd();
  if (!success) throw new Error(`${command.words[0]} failed: ${text}`);
  const [user, system, elapsed] = (text.split("\n").at(-1) ?? "").split(" ")
    .map(Number);
  return { cpu: user + system, elapsed, lines: await countLines(out) };
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

/** The middle of some numbers: one slow run among them does not count. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}
