/**
 * Who else reads capture files: tcpdump, tshark, and version 0.1.0.
 *
 * @module
 */

import { V8_FLAGS } from "../packaging/compile.ts";
import { type Contender, WholeProcess } from "./contenders.ts";
import type { Lab } from "./lab.ts";
import { findProgram } from "./programs.ts";

/** What tcpdump is called in all tables. */
export const TCPDUMP = "tcpdump -r -w /dev/null";
/** What tshark is called. */
export const TSHARK = "tshark -r -z conv,tcp";
/** What the version before the redesign is called. */
export const OLD_VERSION = "scanlogd 0.1.0";

/** The last commit of 0.1.0. */
const OLD_COMMIT = "6ce0c2a";
const ROOT = new URL("../", import.meta.url).pathname;

/** Reads and writes each packet, and looks at none. */
export function tcpdumpReader(emptyTrace: string): Contender | undefined {
  const program = findProgram("tcpdump");
  if (program === undefined) return undefined;
  // As root it would change to a user who cannot read the file.
  const command = (trace: string) => ({
    words: [program, "-Z", "root", "-r", trace, "-w", "/dev/null"],
  });
  return new WholeProcess(TCPDUMP, command, emptyTrace, false);
}

/** Decodes each packet, and counts those of each connection. */
export function tsharkReader(emptyTrace: string): Contender | undefined {
  const program = findProgram("tshark");
  if (program === undefined) return undefined;
  const command = (trace: string) => ({
    words: [program, "-n", "-q", "-r", trace, "-z", "conv,tcp"],
  });
  return new WholeProcess(TSHARK, command, emptyTrace, false);
}

/** Version 0.1.0, out of the repository's history; undefined without that. */
export async function oldProgram(
  emptyTrace: string,
  lab: Lab,
): Promise<Contender | undefined> {
  const folder = `${lab.folder}/0.1.0`;
  const { success } = await lab.output([
    ...["sh", "-c", 'mkdir "$1" && git -C "$2" archive "$3" | tar -x -C "$1"'],
    ...["sh", folder, ROOT, OLD_COMMIT],
  ]);
  if (!success || !exists(`${folder}/main.ts`)) return undefined;
  const command = (trace: string) => ({
    words: [
      ...[Deno.execPath(), "run", "--no-prompt", "--no-code-cache", V8_FLAGS],
      ...["--allow-ffi", "--allow-read", `${folder}/main.ts`],
      ...["--utc", "--output", "stdout", "--read", trace],
    ],
  });
  return new WholeProcess(OLD_VERSION, command, emptyTrace);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
