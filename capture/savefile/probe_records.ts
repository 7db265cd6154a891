/**
 * Reads the probes that other hosts wrote, a JSON object a line.
 *
 * @module
 */

import { parseAddress } from "../../detect/packet/address.ts";
import {
  DIRECTION_IN,
  type PacketHandler,
} from "../../detect/packet/packet.ts";
import {
  hostOfAddress,
  hostOfName,
  PROBE_BYTES,
  writeProbe,
} from "../../detect/packet/probe_packet.ts";
import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_INIT,
  Segment,
} from "../../detect/packet/segment.ts";
import type { ProbeRecord } from "../../detect/report/probe_record.ts";
import type { Protocol } from "../../detect/report/report.ts";
import type { CaptureFileError, SavefileFormat } from "./format.ts";
import { isOnCalendar, ProbeLine } from "./probe_line.ts";
import { ProbeQueue } from "./probe_queue.ts";

/** Longer than any that is written; what is longer takes no memory. */
const LONGEST_LINE = 2048;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** What some editors begin a file with, in UTF-8. */
const BYTE_ORDER_MARK = /^\xef\xbb\xbf/;
/** After so many lines, text of which none is a record is no file of records. */
const MOST_REFUSED = 16;
const HIGHEST_PORT = 0xffff;
const HIGHEST_BYTE = 0xff;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const FLAGS = /^[0-9a-f]{2}$/;
/** RFC 4291, 2.2: with an IPv4 address at the end. */
const LONGEST_ADDRESS = 45;

/** Protocols by their names, and their numbers; `ip` has that of the record. */
const PROTOCOLS: ReadonlyMap<unknown, readonly [Protocol, number?]> = new Map([
  ["TCP", ["tcp", PROTOCOL_TCP]],
  ["UDP", ["udp", PROTOCOL_UDP]],
  ["SCTP", ["sctp", PROTOCOL_SCTP]],
  ["IP", ["ip"]],
]);

/** How probe records are read. */
export interface ProbeOptions {
  /** How late a record may come, in milliseconds [{@linkcode LATENESS_MS}]. */
  lateness?: number;
  /** Tells the time in milliseconds since 1970: no record is later. */
  now?: () => number;
}

/** How late a record may come unless told otherwise, in milliseconds. */
export const LATENESS_MS = 10_000;
/** The longest that one may wait for others. */
export const LONGEST_LATENESS_MS = 3_600_000;

/** Reads lines in chunks of any size; hands on probes as packets. */
export class ProbeFormat implements SavefileFormat {
  readonly needed = 1;
  readonly item = "line";
  hasPackets = false;
  readonly mayEnd = true;
  readonly #queue: ProbeQueue;
  readonly #reader = new ProbeLine();
  readonly #segment = new Segment();
  readonly #record = new Uint8Array(PROBE_BYTES);
  readonly #recordView = new DataView(this.#record.buffer);
  readonly #line = new Uint8Array(LONGEST_LINE);
  readonly #doubt: CaptureFileError | undefined;
  #length = 0;
  #isTooLong = false;
  #refused = 0;

  /**
   * @param doubt Why it may be no file of records at all, unless one is found.
   */
  constructor(
    handler: PacketHandler,
    { lateness = LATENESS_MS, now = Date.now }: ProbeOptions = {},
    doubt?: CaptureFileError,
  ) {
    this.#doubt = doubt;
    this.#queue = new ProbeQueue(handler, lateness, now);
  }

  /**
   * Lines that are no probes: damaged, too long, or of another kind; none as long
   * as the file may be of another kind itself.
   */
  get refused(): number {
    return this.#doubt === undefined || this.hasPackets ? this.#refused : 0;
  }

  /** Records that came too late, or from the future. */
  get late(): number {
    return this.#queue.late;
  }

  take(view: DataView, start: number, end: number): number {
    const { buffer, byteOffset } = view;
    this.#push(new Uint8Array(buffer, byteOffset + start, end - start));
    return end;
  }

  #push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const end = chunk.indexOf(LINE_FEED, at);
      this.#add(chunk.subarray(at, end < 0 ? chunk.length : end));
      if (end < 0) return;
      this.#endLine();
      at = end + 1;
    }
  }

  /** Reads what is left: a last line without a line end. */
  end(): void {
    this.#endLine();
    this.#queue.end();
  }

  idle(waited: number): number {
    return this.#queue.idle(waited);
  }

  #add(bytes: Uint8Array): void {
    if (this.#length + bytes.length > LONGEST_LINE) this.#isTooLong = true;
    if (this.#isTooLong) return;
    this.#line.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #endLine(): void {
    const isTooLong = this.#isTooLong;
    let length = this.#length;
    this.#length = 0;
    this.#isTooLong = false;
    while (length > 0 && this.#line[length - 1] === CARRIAGE_RETURN) length--;
    if (length === 0 && !isTooLong) return;
    if (isTooLong || !this.#read(length)) this.#refuse();
  }

  #refuse(): void {
    this.#refused++;
    if (this.hasPackets || this.#refused < MOST_REFUSED) return;
    if (this.#doubt !== undefined) throw this.#doubt;
  }

  #read(length: number): boolean {
    const segment = this.#segment;
    const reader = this.#reader;
    let host: number;
    if (reader.read(this.#line, length, segment)) host = reader.host;
    else {
      const line = latin1(this.#line.subarray(0, length));
      const record = parseProbe(line.replace(BYTE_ORDER_MARK, ""));
      if (record === undefined) return false;
      segment.assign(segmentOf(record));
      host = hostOf(record);
    }
    writeProbe(this.#recordView, 0, segment, host || hostOfAddress(segment));
    this.#queue.push(this.#record, segment.time);
    this.hasPackets = true;
    return true;
  }
}

/** Bytes as characters of the same numbers, as {@linkcode hostOf} takes them. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A probe, and who has seen it. */
export interface HostProbe extends ProbeRecord {
  /** The host's name, if it is told. */
  host?: string;
}

/**
 * Reads a line; undefined if it is no probe. Fields that it does not know are
 * passed over, so that other versions may add some.
 */
export function parseProbe(line: string): HostProbe | undefined {
  const fields = parseObject(line);
  if (fields?.event_type !== "probe") return undefined;
  const { src_ip, dest_ip, outcome, host } = fields;
  const [protocol] = PROTOCOLS.get(fields.proto) ?? [];
  const time = parseTime(fields.timestamp);
  const bits = bitsOf(src_ip);
  if (protocol === undefined || time === undefined) return undefined;
  if (bits === undefined || bits !== bitsOf(dest_ip)) return undefined;
  if (outcome !== "refused" && outcome !== "silent") return undefined;
  if (host !== undefined && typeof host !== "string") return undefined;
  const highest = protocol === "ip" ? HIGHEST_BYTE : HIGHEST_PORT;
  if (!isNumber(fields.dest_port, highest)) return undefined;
  if (!isNumber(fields.src_port ?? 0, HIGHEST_PORT)) return undefined;
  if (!isNumber(fields.ttl ?? 0, HIGHEST_BYTE)) return undefined;
  const flags = protocol === "tcp" ? parseFlags(fields.tcp_flags) : undefined;
  if (protocol === "tcp" && flags === undefined) return undefined;
  return {
    time,
    source: src_ip as string,
    destination: dest_ip as string,
    destinationPort: fields.dest_port,
    protocol,
    outcome,
    ...(fields.src_port !== undefined && { sourcePort: fields.src_port }),
    ...(flags !== undefined && { flags }),
    ...(fields.ttl !== undefined && { ttl: fields.ttl }),
    ...(host !== undefined && { host }),
  } as HostProbe;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

function isNumber(value: unknown, highest: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 &&
    value <= highest;
}

function parseTime(value: unknown): number | undefined {
  if (typeof value !== "string" || !TIMESTAMP.test(value)) return undefined;
  const time = Date.parse(value);
  return isOnCalendar(time, value) ? time : undefined;
}

function parseFlags(value: unknown): number | undefined {
  return typeof value === "string" && FLAGS.test(value)
    ? parseInt(value, 16)
    : undefined;
}

function bitsOf(value: unknown): 32 | 128 | undefined {
  if (typeof value !== "string" || value.length > LONGEST_ADDRESS) {
    return undefined;
  }
  try {
    return parseAddress(value).bits;
  } catch {
    return undefined;
  }
}

/** Who has seen a probe; 0 if it has no name. */
export function hostOf({ host }: HostProbe): number {
  if (host === undefined) return 0;
  const name = Array.from(host, (character) => character.charCodeAt(0));
  return hostOfName(name, 0, name.length);
}

/** The packet that a probe was, as far as the record tells. */
export function segmentOf(record: ProbeRecord): Segment {
  const [, number] = PROTOCOLS.get(record.protocol.toUpperCase()) ?? [];
  return Segment.from({
    source: record.source,
    destination: record.destination,
    sourcePort: record.sourcePort ?? 0,
    destinationPort: record.destinationPort,
    protocol: number ?? record.destinationPort,
    flags: record.protocol === "sctp" ? SCTP_INIT : record.flags ?? 0,
    ttl: record.ttl ?? 0,
    direction: DIRECTION_IN,
    time: record.time,
  });
}
