/**
 * Reports as lines, objects, JSON and syslog messages.
 *
 * @module
 */

export {
  type CommonEvent,
  type DecoysEvent,
  type DirectedEvent,
  type EventOptions,
  type FloodEvent,
  type PortScanEvent,
  type ProbesEvent,
  type ReportEvent,
  type ScanEndEvent,
  type SharedOutEvent,
  toEvent,
  type UnloggedEvent,
} from "../format/event.ts";
export { formatEcs } from "../format/ecs.ts";
export { formatJson } from "../format/json.ts";
export {
  formatFlags,
  formatReport,
  type LineOptions,
  MAX_LINE,
} from "../format/line.ts";
export type { ClockOptions, LocalOffset } from "../format/time.ts";
export {
  FACILITIES,
  type Facility,
  type FrameOptions,
  frameSyslog,
  type Level,
  LEVELS,
} from "../format/syslog.ts";
export type {
  Decoys,
  Flood,
  Protocol,
  Report,
  Rule,
  Scan,
  ScanEnd,
  SharedOut,
  Standing,
  Unlogged,
  UnloggedSource,
} from "../detect/report/report.ts";
