/**
 * A report as a JSON object.
 *
 * @module
 */

import type { Report } from "../detect/report/report.ts";
import { type EventOptions, toEvent } from "./event.ts";

/**
 * Writes a report as one JSON object in one line, without a line end: what {@linkcode
 * toEvent} gives. `docs/event.schema.json` describes it.
 *
 * @example
 * ```ts
 * import { formatJson } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   formatJson({ type: "flood", completed: Date.UTC(2026, 0, 1) }),
 *   '{"timestamp":"2026-01-01T00:00:00.000Z","event_type":"portscan_flood",' +
 *     '"message":"More possible port scans follow"}',
 * );
 * ```
 */
export function formatJson(report: Report, options: EventOptions = {}): string {
  return JSON.stringify(toEvent(report, options));
}
