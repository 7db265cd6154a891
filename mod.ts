/**
 * Finds port scans in packets.
 *
 * This is the pure part of scanlogd: no dependency, no platform API, so it can
 * be imported from a URL wherever JavaScript runs. Packets go through three
 * steps, each usable by itself: a reader takes them out of a capture file
 * ({@linkcode SavefileReader}), a detector decides which of them make a scan
 * ({@linkcode Detector}), a formatter writes the line ({@linkcode
 * formatReport}). {@linkcode findScans} does the first two at once.
 *
 * @example Print the scans of a capture file
 * ```ts ignore
 * import { findScans, formatReport } from "@scanlogd/scanlogd";
 *
 * const file = await Deno.open("capture.pcap");
 * for await (const report of findScans(file.readable)) {
 *   console.log(formatReport(report));
 * }
 * ```
 *
 * @module
 */

export {
  type Address,
  AddressSet,
  type AddressWords,
  formatAddress,
  type Network,
  parseAddress,
  parseNetwork,
} from "./detect/address.ts";
export { Counters } from "./detect/counters.ts";
export { Detector } from "./detect/detector.ts";
export {
  DATAGRAMS,
  type HeaderHandler,
  HeaderReassembler,
} from "./detect/fragments.ts";
export {
  DAMAGED,
  DECODED,
  FRAGMENT,
  FragmentInfo,
  HeaderDecoder,
  MAX_EXTENSION_HEADERS,
  OTHER_PROTOCOL,
  type Outcome,
  REFUSAL,
  TCP_HEADER,
  TOO_DEEP,
} from "./detect/headers.ts";
export {
  findNetworkHeader,
  FRAME_DAMAGED,
  FRAME_TOO_DEEP,
  isSupportedLinkType,
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
  linkTypeName,
  NOT_IP,
  SUPPORTED_LINK_TYPES,
} from "./detect/link.ts";
export {
  type DetectorOptions,
  type IntegerKnob,
  KNOBS,
} from "./detect/options.ts";
export {
  type Direction,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  Packet,
  type PacketHandler,
} from "./detect/packet.ts";
export {
  QUOTE_EMPTY,
  QUOTE_REPLY,
  QUOTE_UNKNOWN,
  type QuoteKind,
} from "./detect/quotes.ts";
export type {
  Decoys,
  Flood,
  Protocol,
  Report,
  ReportHandler,
  Rule,
  Scan,
  ScanEnd,
  Standing,
  Unlogged,
  UnloggedSource,
} from "./detect/report.ts";
export {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_ABORT,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  SCTP_INIT_ACK,
  Segment,
  type SegmentInit,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  UNKNOWN_FLAGS,
} from "./detect/segment.ts";
export {
  CaptureFileError,
  findScans,
  SavefileReader,
} from "./capture/savefile.ts";
export { formatJson, type JsonOptions } from "./format/json.ts";
export {
  formatFlags,
  formatReport,
  type LineOptions,
  MAX_LINE,
} from "./format/line.ts";
export {
  FACILITIES,
  type Facility,
  type FrameOptions,
  frameSyslog,
  type Level,
  LEVELS,
} from "./format/syslog.ts";
