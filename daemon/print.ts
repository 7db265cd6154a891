/**
 * What was asked for by an option of its own, on standard output.
 *
 * @module
 */

import { Failure } from "./failure.ts";

/**
 * Writes a text and a line end.
 *
 * @throws {Failure} If it cannot be written.
 */
export function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  try {
    for (let at = 0; at < bytes.length;) {
      at += Deno.stdout.writeSync(bytes.subarray(at));
    }
  } catch (error) {
    // Who has stopped reading, as `head` does, knows what is missing.
    if (error instanceof Deno.errors.BrokenPipe) return;
    throw new Failure(`standard output: ${(error as Error).message}`);
  }
}
