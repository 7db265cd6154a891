/**
 * The frame that syslogd expects around a line.
 *
 * @module
 */

import { clockDate, formatTime, type LocalOffset } from "./time.ts";

/** Facilities and their codes (RFC 3164, 4.1.1; names of syslog.h). */
export const FACILITIES = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;

/** Levels and their codes (RFC 3164, 4.1.1; names of syslog.h). */
export const LEVELS = {
  emerg: 0,
  alert: 1,
  crit: 2,
  err: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
} as const;

/** The name of a facility. */
export type Facility = keyof typeof FACILITIES;
/** The name of a level. */
export type Level = keyof typeof LEVELS;

/** What a frame says besides the line. */
export interface FrameOptions {
  /** [daemon] */
  facility?: Facility;
  /** [alert] */
  level?: Level;
  /** The program's name [scanlogd]. */
  ident?: string;
  /** What local time is [what the runtime says]. */
  localOffset?: LocalOffset;
}

/** Longest ident: RFC 5424, 6.2.5, has 48 characters; RFC 3164, 4.1.3, 32. */
export const MAX_IDENT = 32;

/**
 * Tells whether a text can be an ident: with a blank, a colon or a bracket in it,
 * syslogd would take a part of it for the message.
 */
export function isIdent(text: string): boolean {
  return text.length <= MAX_IDENT && /^[\w.\/-]+$/.test(text);
}

const MONTHS = [
  ...["Jan", "Feb", "Mar", "Apr", "May", "Jun"],
  ...["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];

/**
 * Frames a line as the C library's `syslog` does without LOG_PID (RFC 3164):
 * `<25>Mmm dd HH:MM:SS scanlogd: line`. The time is local time.
 *
 * @param line The line, without a line end.
 * @param time When it is logged: milliseconds since 1970-01-01 UTC.
 *
 * @example
 * ```ts
 * import { frameSyslog } from "@scanlogd/scanlogd/format";
 * import { assertEquals } from "@std/assert";
 *
 * const time = new Date(2026, 0, 2, 6, 40, 13).getTime();
 * assertEquals(frameSyslog("hello", time), "<25>Jan  2 06:40:13 scanlogd: hello");
 * ```
 */
export function frameSyslog(
  line: string,
  time: number,
  {
    facility = "daemon",
    level = "alert",
    ident = "scanlogd",
    localOffset,
  }: FrameOptions = {},
): string {
  const priority = FACILITIES[facility] * 8 + LEVELS[level];
  const date = clockDate(time, { localOffset });
  const day = String(date.getUTCDate()).padStart(2, " ");
  const clock = formatTime(time, { localOffset });
  return `<${priority}>${
    MONTHS[date.getUTCMonth()]
  } ${day} ${clock} ${ident}: ${line}`;
}
