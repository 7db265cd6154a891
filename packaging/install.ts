/**
 * Puts the program and what belongs to it in place, and removes it: lays the
 * files out beside install.sh, and runs that.
 *
 *     deno task install [--prefix DIR] [--binary PATH]
 *     deno task uninstall [--prefix DIR]
 *
 * DESTDIR in the environment stands before every path, for packagers.
 *
 * @module
 */

import { Failure } from "../daemon/failure.ts";
import { parseArgs } from "../daemon/std.ts";
import { layout } from "./layout.ts";
import { FOR_INSTALLER, stage } from "./stage.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const SCRIPT = `${ROOT}packaging/install.sh`;

/** What to do. */
export interface InstallOptions {
  readonly action: "install" | "uninstall";
  /** What install.sh is told. */
  readonly args: readonly string[];
  readonly binary: string;
}

/**
 * Reads the arguments.
 *
 * @throws {Failure} If they are wrong.
 */
export function installOptions(args: readonly string[]): InstallOptions {
  const [action, ...rest] = args;
  if (action !== "install" && action !== "uninstall") {
    throw new Failure(`the first argument must be install or uninstall`);
  }
  const names = action === "install" ? ["prefix", "binary"] : ["prefix"];
  const texts = parseArgs(rest, {
    string: names,
    unknown: (arg) => {
      const possible = names.map((name) => `--${name}`).join(" and ");
      throw new Failure(`unknown argument ${arg}; possible: ${possible}`);
    },
  });
  for (const name of names) {
    if (texts[name] !== "") continue;
    throw new Failure(`--${name} needs a path, such as --${name} /usr/local`);
  }
  const { prefix, binary = `${ROOT}dist/scanlogd` } = texts as {
    prefix?: string;
    binary?: string;
  };
  return {
    action,
    args: prefix === undefined ? [] : [`--prefix=${prefix}`],
    binary,
  };
}

/**
 * Installs or uninstalls; what there is to say goes to standard output and
 * error.
 *
 * @returns The exit status.
 * @throws {Failure} If there is no executable.
 */
export async function perform(
  { action, args, binary }: InstallOptions,
): Promise<number> {
  if (action === "uninstall") return await runScript(SCRIPT, action, args);
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-install-" });
  try {
    await stage(folder, layout(binary), FOR_INSTALLER);
    await Deno.copyFile(SCRIPT, `${folder}/install`);
    return await runScript(`${folder}/install`, action, args);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runScript(
  script: string,
  action: InstallOptions["action"],
  args: readonly string[],
): Promise<number> {
  const { code } = await new Deno.Command("sh", {
    args: [script, `--${action}`, ...args],
  }).spawn().status;
  return code;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    return await perform(installOptions(args));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(`${args[0] ?? "install"}: ${text}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
