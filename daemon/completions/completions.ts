/**
 * Completions for the command line, from the option table.
 *
 * @module
 */

import { bashCompletions } from "./bash.ts";
import { fishCompletions } from "./fish.ts";
import { zshCompletions } from "./zsh.ts";
import { type Shell, SHELLS } from "./shells.ts";

const WRITERS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
};

/**
 * Writes what a shell has to read to complete the command line.
 *
 * @param shell One of {@linkcode SHELLS}.
 * @throws {RangeError} If the shell is unknown.
 */
export function completions(shell: string): string {
  if (!isShell(shell)) {
    throw new RangeError(
      `Cannot complete for the shell: must be one of ${
        SHELLS.join(", ")
      }, got "${shell}"`,
    );
  }
  return WRITERS[shell]();
}

function isShell(name: string): name is Shell {
  return (SHELLS as readonly string[]).includes(name);
}
