/**
 * What must hold for every report that is written.
 *
 * @module
 */

import { formatJson, formatReport, type Report } from "../../mod.ts";
import { MAX_LINE } from "../../library/format.ts";
import { assert } from "../assert.ts";

/** What {@linkcode formatReport} does not count: RFC 5952 is longer than IPv4. */
const COUNTED_ADDRESS = 15;
const OUTGOING = "outgoing: ";
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\uffff]/;

/** What is put before a line, and addresses longer than an IPv4 one can be. */
function uncounted(line: string): number {
  const addresses = line.match(/[0-9a-f]*:[0-9a-f:.]*(\/\d+)?/gi) ?? [];
  return addresses.reduce(
    (sum, text) => sum + Math.max(0, text.length - COUNTED_ADDRESS),
    line.startsWith(OUTGOING) ? OUTGOING.length : 0,
  );
}

/** Checks the line and the JSON object of a report. */
export function checkReport(report: Report): void {
  for (const line of formatReport(report, { utc: true }).split("\n")) {
    assert(!CONTROL.test(line), `control character in ${JSON.stringify(line)}`);
    const length = line.length - uncounted(line);
    assert(length <= MAX_LINE, `${length} bytes counted: ${line}`);
  }
  const json = formatJson(report, { utc: true, host: "h" });
  assert(!CONTROL.test(json), `control character in ${json}`);
  const { timestamp, event_type } = JSON.parse(json);
  assert(typeof timestamp === "string" && typeof event_type === "string", json);
}
