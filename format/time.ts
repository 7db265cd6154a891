/**
 * How times and durations are written.
 *
 * @module
 */

/** Units of time and their milliseconds, from the smallest on. */
const TIME_UNITS = [
  ["ms", 1],
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
] as const;
/** What a Date can be at most, in milliseconds (ECMA-262, 21.4.1.1). */
const MAX_TIME = 8.64e15;

/** A duration in milliseconds, with the unit in which it is at least 1, and a decimal place below 10. */
export function formatDuration(milliseconds: number): string {
  let text = "";
  for (const [i, [unit, size]] of TIME_UNITS.entries()) {
    const value = milliseconds / size;
    const digits = size > 1 && value < 9.95 ? 1 : 0;
    text = `${value.toFixed(digits)} ${unit}`;
    const next = TIME_UNITS[i + 1]?.[1] ?? Infinity;
    if (parseFloat(text) * size < next) break;
  }
  return text;
}

/** How far local time is ahead of UTC at a time, both in milliseconds. */
export type LocalOffset = (time: number) => number;

/** Which clock times are written by. */
export interface ClockOptions {
  /** Tell the time in UTC instead of local time [false]. */
  utc?: boolean;
  /**
   * What local time is [what the runtime says; most runtimes take time zones as
   * POSIX writes them, `CET-1CEST,M3.5.0,M10.5.0/3`, for UTC].
   */
  localOffset?: LocalOffset | undefined;
}

/** `HH:MM:SS` of a wall time in milliseconds. */
export function formatTime(time: number, clock: ClockOptions = {}): string {
  const date = clockDate(time, clock);
  return [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    .map(twoDigits).join(":");
}

/** A wall time in milliseconds as a date whose UTC fields are what to show. */
export function clockDate(
  time: number,
  { utc = false, localOffset = runtimeOffset }: ClockOptions = {},
): Date {
  const date = dateOf(time);
  return utc ? date : dateOf(date.getTime() + localOffset(date.getTime()));
}

function runtimeOffset(time: number): number {
  const date = new Date(time);
  const local = new Date(0);
  local.setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate());
  local.setUTCHours(
    date.getHours(),
    date.getMinutes(),
    date.getSeconds(),
    date.getMilliseconds(),
  );
  const offset = local.getTime() - time;
  return Number.isNaN(offset) ? 0 : offset; // at the end of what a date can be
}

/**
 * A time as a date that can be written. Damaged captures claim times that no date
 * has: the nearest one stands for them, and the first of 1970 for no number.
 */
export function dateOf(time: number): Date {
  if (Number.isNaN(time)) return new Date(0);
  return new Date(Math.max(-MAX_TIME, Math.min(time, MAX_TIME)));
}

/** A wall time in milliseconds as ISO 8601 has it, in UTC. */
export function formatTimestamp(time: number): string {
  return dateOf(time).toISOString();
}

/** A number from 0 to 99 in two digits. */
export function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
