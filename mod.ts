/**
 * Finds port scans in packets.
 *
 * This is the pure part of scanlogd: no dependency, no platform API, so it can
 * be imported from a URL wherever JavaScript runs. {@linkcode findScans} takes a
 * capture, a file or a live pipe, and gives reports; {@linkcode Detector} takes
 * packets or segments one by one, and decides which of them make a scan; {@linkcode
 * formatReport} and {@linkcode toEvent} write what was found.
 *
 * Beside it there are `packet` (decoding, link types, addresses), `savefile`
 * (capture files as packets), `format` (all that a report can be written as), all
 * of them pure, and `web`: the platform's clock, gzip and streams.
 *
 * @example The scans of a capture
 * ```ts
 * import { findScans, formatReport, toEvent } from "@scanlogd/scanlogd";
 * import { assertEquals, assertMatch } from "@std/assert";
 *
 * const file = await Deno.open("tests/data/captures/raw-ipv4.pcap");
 * const scans = findScans(file.readable, { ignore: "203.0.113.0/24" });
 * for await (const report of scans) {
 *   const line = formatReport(report, { utc: true });
 *   assertMatch(line, /^192\.0\.2\.1:40000 to 198\.51\.100\.2 ports 22, /);
 *   assertEquals(toEvent(report).event_type, "portscan");
 * }
 * assertEquals(scans.counters.scans, 1);
 * ```
 *
 * @module
 */

export {
  findScans,
  type ScanSearch,
  type SearchOptions,
} from "./library/find_scans.ts";
export type { Clock, StopSignal } from "./library/clock.ts";
export type {
  ByteSource,
  ByteStream,
  ByteStreamReader,
} from "./library/chunks.ts";
export { Detector } from "./detect/detector.ts";
export {
  type FloodLimits,
  type IntegerKnob,
  KNOBS,
} from "./detect/settings.ts";
export type { Addresses, DetectorOptions } from "./detect/options.ts";
export { Counters } from "./detect/counters.ts";
export { AddressSet, type Network } from "./detect/packet/address.ts";
export { IgnoreRules } from "./detect/probe/ignore_rules.ts";
export {
  type Direction,
  Packet,
  type PacketInit,
} from "./detect/packet/packet.ts";
export {
  type DatagramKind,
  Segment,
  type SegmentInit,
} from "./detect/packet/segment.ts";
export { PortMemory, type PortTimes } from "./detect/probe/port_memory.ts";
export { type KindCount, PacketKinds } from "./detect/packet/kinds.ts";
export type {
  ProbeHandler,
  ProbeRecord,
} from "./detect/report/probe_record.ts";
export type {
  Decoys,
  Flood,
  Protocol,
  Report,
  ReportHandler,
  Rule,
  Scan,
  ScanEnd,
  SharedOut,
  Standing,
  Unlogged,
  UnloggedSource,
} from "./detect/report/report.ts";
export { formatReport, type LineOptions } from "./format/line.ts";
export type { ClockOptions, LocalOffset } from "./format/time.ts";
export {
  type EventOptions,
  type ReportEvent,
  toEvent,
} from "./format/event.ts";
export { formatJson } from "./format/json.ts";
export { CaptureFileError } from "./capture/savefile/format.ts";
