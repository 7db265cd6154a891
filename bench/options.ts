/**
 * The command line of the benchmarks.
 *
 * @module
 */

import { parseArgs } from "../daemon/std.ts";
import { type Amounts, FULL, QUICK } from "./benchmark.ts";

/** What was asked for. */
export interface Options {
  /** Names of benchmarks; none: all. */
  only: string[];
  /** How much to measure. */
  amounts: Amounts;
  /** Where figures are written; undefined: nowhere. */
  json?: string;
  /** Results to put into docs/PERFORMANCE.md instead of measuring. */
  page?: string;
  /** Whether to print the help text. */
  help: boolean;
}

/** Options that are amounts, and the amount that each sets. */
const AMOUNTS = {
  rounds: "rounds",
  packets: "replayPackets",
  "mixed-bytes": "mixedBytes",
  seconds: "floodSeconds",
  "random-packets": "randomPackets",
  "bulk-turns": "bulkTurns",
} as const;

/** What `--help` prints. */
export function helpText(names: readonly string[]): string {
  return `deno task bench [OPTIONS]

  --only NAME          one of ${names.join(", ")} (repeatable)
  --quick              everything, but too short for figures to quote
  --rounds N           turns of each contender [${FULL.rounds}]
  --packets N          packets of a replayed file [${FULL.replayPackets}]
  --mixed-bytes N      length of one of full frames [${FULL.mixedBytes}]
  --seconds N          length of a SYN flood [${FULL.floodSeconds}]
  --random-packets N   packets from random sources [${FULL.randomPackets}]
  --bulk-turns N       transfers that each contender watches [${FULL.bulkTurns}]
  --traces DIR         keep replayed files there, and use those that are there
  --json FILE          write the figures there
  --page FILE          put those figures into docs/PERFORMANCE.md; measures nothing
  --help`;
}

/**
 * Reads the command line.
 *
 * @param names Names of the benchmarks.
 * @throws {Error} If something is wrong with it.
 */
export function parseOptions(
  args: readonly string[],
  names: readonly string[],
): Options {
  const parsed = parseArgs(args, {
    string: [...Object.keys(AMOUNTS), "only", "traces", "json", "page"],
    boolean: ["quick", "help"],
    collect: ["only"],
    unknown: (arg) => {
      throw new Error(`unknown option ${arg}`);
    },
  });
  const amounts: Amounts = { ...parsed.quick ? QUICK : FULL };
  for (const [option, amount] of Object.entries(AMOUNTS)) {
    if (parsed[option] !== undefined) {
      amounts[amount] = count(option, parsed[option] as string);
    }
  }
  amounts.traces = path("traces", parsed.traces);
  const only = parsed.only as string[];
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `--only: there is no "${unknown}"; choose of ${names.join(", ")}`,
    );
  }
  return {
    only,
    amounts,
    json: path("json", parsed.json),
    page: path("page", parsed.page),
    help: parsed.help === true,
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${option} must be an integer from 1 on`);
}

function path(option: string, text: unknown): string | undefined {
  if (text === "") throw new Error(`--${option} needs a path`);
  return text as string | undefined;
}
