/**
 * How the program ends once capture files are read.
 *
 * @module
 */

import { Failure } from "./failure.ts";
import type { Outputs } from "./outputs.ts";

/** What a shell shows of a program that SIGPIPE ended: 128 + 13. */
const BROKEN_PIPE_STATUS = 141;

/**
 * Whoever reads a file's scans from a pipe must know that some are missing, but
 * not if he has stopped reading, as `head` does.
 */
export function statusOf({ sinks }: Outputs): number {
  let status = 0;
  for (const { description, failure, lost } of sinks) {
    if (failure instanceof Deno.errors.BrokenPipe) {
      status = BROKEN_PIPE_STATUS;
    } else if (failure !== undefined || lost > 0) {
      const why = failure === undefined ? "" : ` ${failure.message};`;
      throw new Failure(
        `${description}:${why} ${lost} lines could not be written`,
      );
    }
  }
  return status;
}
