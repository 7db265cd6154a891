/**
 * Builds the executable, permissions included.
 *
 *     deno task compile                        dist/scanlogd, for this machine
 *     deno task compile --target TARGET        dist/scanlogd-TARGET
 *
 * @module
 */

import { Failure } from "../daemon/failure.ts";
import { parseArgs } from "../daemon/std.ts";

/** Where the executable can run. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
];

const ROOT = new URL("../", import.meta.url).pathname;

/**
 * The program allocates next to nothing, so that little room for it is enough,
 * and saves 4 MB. `deno task scan` says the same.
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

/** All that the program may do, and nothing that it would ask or write. */
const FLAGS = [
  "--allow-ffi",
  "--allow-read",
  "--no-prompt",
  "--no-code-cache",
  "--exclude-unused-npm",
  V8_FLAGS,
];

/** What to build. */
export interface CompileOptions {
  /** One of {@linkcode TARGETS}. */
  target: string;
  /** Where to put the executable. */
  output: string;
}

/**
 * Reads the arguments.
 *
 * @throws {Failure} If they are wrong.
 */
export function compileOptions(args: readonly string[]): CompileOptions {
  const texts = parseArgs(args, {
    string: ["target", "output"],
    unknown: (arg) => {
      throw new Failure(`unknown argument ${arg}; --target TARGET is possible`);
    },
  });
  const target = texts.target as string | undefined ?? Deno.build.target;
  if (!TARGETS.includes(target)) {
    throw new Failure(
      `--target must be one of ${TARGETS.join(", ")}, got "${target}"`,
    );
  }
  const suffix = texts.target === undefined ? "" : `-${target}`;
  const output = texts.output as string | undefined ??
    `${ROOT}dist/scanlogd${suffix}`;
  return { target, output };
}

/**
 * Builds the executable.
 *
 * @returns What the compiler says: checked and embedded files.
 * @throws {Failure} If it cannot be built.
 */
export async function compile(
  { target, output }: CompileOptions,
): Promise<string> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", ...FLAGS, "--target", target, "--output", output],
      `${ROOT}main.ts`,
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (success) return text;
  throw new Failure(
    isBaseMissing(text) ? adviseOnBase(target) : `cannot compile:\n${text}`,
  );
}

/** Whether it is the runtime that the program is put into that is missing. */
function isBaseMissing(text: string): boolean {
  return text.includes("Setting up base binary") ||
    text.includes("Could not find denort");
}

function adviseOnBase(target: string): string {
  const named = Deno.env.get("DENORT_BIN");
  const { deno } = Deno.version;
  const what = named === undefined
    ? `the base binary for ${target} could not be downloaded`
    : `DENORT_BIN=${named} cannot be read`;
  return `${what}; fetch denort-${target}.zip of Deno's release ${deno}, unpack it, and run this again with DENORT_BIN=/path/to/denort`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    console.error((await compile(compileOptions(args))).trimEnd());
    return 0;
  } catch (error) {
    console.error(
      `compile: ${error instanceof Error ? error.message : String(error)}`,
    );
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
