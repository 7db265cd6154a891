/**
 * What the program says about itself, on standard error, each time in one line
 * `scanlogd: ...`. A library for logging would take a fifth of the start's time
 * and memory.
 *
 * @module
 */

/** What is said at each: the lower, the more it matters. */
const LEVELS = { error: 0, warning: 1, info: 2, detail: 3 } as const;

/** Says why the program cannot start or go on. */
export function logError(text: string): void {
  say("error", text);
}

/** Says what an administrator should look at. */
export function logWarning(text: string): void {
  say("warning", text);
}

/** Says what the program does. */
export function logInfo(text: string): void {
  say("info", text);
}

/** Says details. */
export function logDetail(text: string): void {
  say("detail", text);
}

/** How much to say. */
export interface Loudness {
  /** Only errors. */
  quiet: boolean;
  /** Details too. */
  verbose: boolean;
}

let highestLevel: number = LEVELS.info;

/** Says how much there is to be said from now on. */
export function configureDiagnostics({ quiet, verbose }: Loudness): void {
  highestLevel = LEVELS[quiet ? "error" : verbose ? "detail" : "info"];
}

/** A file's name may have them, and a terminal would do what they say. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

function escapeControl(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

const encoder = new TextEncoder();

function say(level: keyof typeof LEVELS, text: string): void {
  if (LEVELS[level] > highestLevel) return;
  const line = text.replaceAll(/\s*\n\s*/g, " ")
    .replaceAll(CONTROL, escapeControl);
  try {
    Deno.stderr.writeSync(encoder.encode(`scanlogd: ${line}\n`));
  } catch {
    // Nobody reads it, and there is no other place to say so.
  }
}
