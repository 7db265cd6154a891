/**
 * A probe as a JSON object, for the scanlogd of another host.
 *
 * @module
 */

import type { ProbeRecord } from "../detect/report/probe_record.ts";
import { formatTimestamp } from "./time.ts";

/**
 * Writes a probe as one JSON object in one line, without a line end; {@linkcode
 * parseProbe} reads it. `docs/probe.schema.json` describes it.
 *
 * @param record The probe.
 * @param host The name of the host that was probed, if it is to be written: a
 * fleet's reader counts a host once, whatever its addresses.
 */
export function formatProbe(record: ProbeRecord, host?: string): string {
  return JSON.stringify({
    timestamp: formatTimestamp(record.time),
    event_type: "probe",
    host,
    src_ip: record.source,
    src_port: record.sourcePort,
    dest_ip: record.destination,
    dest_port: record.destinationPort,
    proto: record.protocol.toUpperCase(),
    tcp_flags: record.flags?.toString(16).padStart(2, "0"),
    ttl: record.ttl,
    outcome: record.outcome,
  });
}
