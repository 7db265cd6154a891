/**
 * A report with the names of the Elastic Common Schema.
 *
 * @module
 */

import type { Protocol, Report, Scan } from "../detect/report/report.ts";
import { type EventOptions, type ReportEvent, toEvent } from "./event.ts";

/** The version whose fields are used. */
const ECS_VERSION = "8.17.0";
/** Nanoseconds of a second: the unit of `event.duration`. */
const NANOSECONDS = 1e9;
/** MITRE ATT&CK's name for what a port scan is. */
const THREAT = {
  framework: "MITRE ATT&CK",
  technique: { id: ["T1046"], name: ["Network Service Discovery"] },
};

/**
 * Writes a report as one JSON object in one line, without a line end, with the
 * fields of the Elastic Common Schema 8.17. What it has no field for stands under
 * `scanlogd`, by the names of {@linkcode toEvent}. `docs/ecs.schema.json`
 * describes it.
 *
 * A source that is a network, and not one address, has `source.address` and no
 * `source.ip`.
 *
 * @example
 * ```ts
 * import { formatEcs } from "@scanlogd/scanlogd/format";
 * import { assertEquals } from "@std/assert";
 *
 * const json = formatEcs({ type: "flood", completed: Date.UTC(2026, 0, 1) });
 * const { event } = JSON.parse(json);
 * assertEquals([event.kind, event.action], ["event", "portscan_flood"]);
 * ```
 */
export function formatEcs(report: Report, options: EventOptions = {}): string {
  const event = toEvent(report, options);
  const { host } = options;
  return JSON.stringify({
    "@timestamp": event.timestamp,
    ecs: { version: ECS_VERSION },
    message: event.message,
    event: {
      kind: event.event_type === "portscan" ? "alert" : "event",
      category: ["intrusion_detection", "network"],
      type: ["info"],
      action: event.event_type,
      module: "scanlogd",
      dataset: `scanlogd.${event.event_type}`,
      ...describeTimes(event),
    },
    observer: {
      product: "scanlogd",
      type: "ids",
      hostname: host,
      ingress: "interface" in event
        ? { interface: { name: event.interface } }
        : undefined,
    },
    ...describeReport(report, event),
  });
}

function describeTimes(event: ReportEvent) {
  if (!("first_seen" in event)) return {};
  const isEnd = event.event_type === "portscan_end";
  return {
    start: event.first_seen,
    end: isEnd ? event.timestamp : undefined,
    duration: isEnd ? Math.round(event.duration * NANOSECONDS) : undefined,
  };
}

function describeReport(report: Report, event: ReportEvent) {
  switch (report.type) {
    case "scan":
      return {
        ...describeScan(report, event, report.source),
        source: { ...endpoint(report.source), port: report.sourcePort },
      };
    case "decoys": {
      const { likely, names, scan } = report;
      return {
        ...describeScan(scan, event, ...names),
        source: likely === undefined
          ? undefined
          : { ...endpoint(likely), port: scan.sourcePort },
      };
    }
    case "shared":
      return {
        ...describeScan(report.scan, event, report.network),
        source: endpoint(report.network),
      };
    case "flood":
      return {};
    case "unlogged": {
      const addresses = report.names.map(({ source }) => source);
      return { related: related(addresses), scanlogd: ownFields(event) };
    }
    case "end":
      return {
        source: { ...endpoint(report.source), packets: report.packets },
        destination: endpoint(report.destination),
        network: describeNetwork(report),
        related: related([report.source, report.destination]),
        scanlogd: ownFields(event),
      };
  }
}

function describeScan(
  scan: Scan,
  event: ReportEvent,
  ...sources: readonly string[]
) {
  return {
    destination: endpoint(scan.destination),
    network: describeNetwork(scan),
    rule: { name: "rule" in event ? event.rule : scan.rule },
    threat: THREAT,
    related: related([...sources, scan.destination]),
    scanlogd: ownFields(event),
  };
}

/** An address; of a network, `ip` is left out. */
function endpoint(address: string) {
  const ip = address.includes("/") ? undefined : address;
  return { address, ip };
}

function describeNetwork(
  { protocol, destination, direction }: {
    protocol: Protocol;
    destination: string;
    direction?: "outgoing";
  },
) {
  return {
    transport: protocol === "ip" ? undefined : protocol,
    type: destination.includes(":") ? "ipv6" : "ipv4",
    direction: direction === undefined ? "ingress" : "egress",
  };
}

function related(addresses: readonly string[]) {
  const single = addresses.filter((address) => !address.includes("/"));
  return { ip: [...new Set(single)] };
}

/** Fields of the event that the schema has a name of its own for. */
const NAMED_BY_ECS: ReadonlySet<string> = new Set([
  ...["timestamp", "event_type", "message", "host", "interface", "first_seen"],
  ...["src_ip", "src_port", "src_network", "dest_ip", "proto", "direction"],
  ...["rule", "duration", "packets"],
]);

function ownFields(event: ReportEvent) {
  return Object.fromEntries(
    Object.entries(event).filter(([name]) => !NAMED_BY_ECS.has(name)),
  );
}
