/**
 * What random trials and endurance runs take: moments in `deno task test` and
 * `deno task test:live`, hours in `deno task test:long`, which sets
 * SCANLOGD_LONG.
 *
 * @module
 */

/**
 * How many rounds, seconds or minutes a test is to run.
 *
 * @param short In an ordinary run.
 * @param long Where time does not matter.
 */
export function amount(short: number, long: number): number {
  return Deno.env.get("SCANLOGD_LONG") === undefined ? short : long;
}
