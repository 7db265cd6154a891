/**
 * Callers without types hand over anything.
 *
 * @module
 */

import type { Report } from "../detect/report/report.ts";
import { checkObject, describe } from "../detect/settings.ts";

/** All there are. */
const TYPES: Readonly<Record<Report["type"], true>> = {
  scan: true,
  decoys: true,
  shared: true,
  flood: true,
  unlogged: true,
  end: true,
};

/**
 * Refuses what is no report.
 *
 * @throws {TypeError} If it is none.
 */
export function checkReport(report: Report): void {
  checkObject("write a report: it", report);
  if (Object.hasOwn(TYPES, report.type)) return;
  throw new TypeError(
    `Cannot write a report: its type must be one of ${
      Object.keys(TYPES).join(", ")
    }, got ${describe(report.type)}`,
  );
}
