/**
 * How many files may be open at once.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";
import { Failure } from "./failure.ts";

// bits/resource.h
const RLIMIT_NOFILE = 7;
/** The runtime has some 25 open, and a start some 40, but for interfaces. */
const FEWEST = 64n;

/**
 * Allows as many as may be: each interface that is named takes up to three.
 *
 * @throws {Failure} If a start needs more.
 */
export function allowOpenFiles(): void {
  if (Deno.build.os !== "linux") return;
  const limits = new BigUint64Array(2); // struct rlimit: soft, hard
  libc().getrlimit(RLIMIT_NOFILE, limits);
  const [, hard] = limits;
  if (hard < FEWEST) {
    throw new Failure(
      `only ${hard} files may be open at once; allow ${FEWEST} at least, with ulimit -n or LimitNOFILE=`,
    );
  }
  limits[0] = hard;
  libc().setrlimit(RLIMIT_NOFILE, limits);
}
