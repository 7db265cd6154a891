/**
 * Local time by the C library, which knows time zones as POSIX writes them
 * (`CET-1CEST,M3.5.0,M10.5.0/3`) as well as those of files.
 *
 * @module
 */

import { libc } from "./libc.ts";

/** struct tm (bits/types/struct_tm.h): nine ints, then long tm_gmtoff. */
const TM = 56;
const TM_GMTOFF = 40;

const tm = new DataView(new ArrayBuffer(TM));
const seconds = new BigInt64Array(1); // time_t

/**
 * How far local time is ahead of UTC at a time, both in milliseconds. The first
 * call reads the time zone's file: later on, it is out of reach.
 */
export function localOffset(time: number): number {
  seconds[0] = BigInt(Math.floor(time / 1000));
  const found = libc().localtime_r(seconds, tm.buffer);
  return found === null ? 0 : Number(tm.getBigInt64(TM_GMTOFF, true)) * 1000;
}
