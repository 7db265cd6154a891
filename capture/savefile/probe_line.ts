/**
 * Reads a probe record as `-o probes` writes it, byte by byte: a reader of many
 * hosts takes hundreds of thousands a second. Whatever is written differently is
 * left to {@linkcode parseProbe}; where both read a line, they read the same.
 *
 * @module
 */

import { IPV4_MAPPED, parseAddress } from "../../detect/packet/address.ts";
import { hostOfName } from "../../detect/packet/probe_packet.ts";
import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_INIT,
  type Segment,
} from "../../detect/packet/segment.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const ZERO = 0x30;
const DOT = 0x2e;
const COLON = 0x3a;
/** `2026-01-01T00:00`, which does not change often. */
const MINUTE = 16;
/** RFC 4291, 2.2: with an IPv4 address at the end. */
const LONGEST_ADDRESS = 45;
const HIGHEST_PORT = 0xffff;
const HIGHEST_BYTE = 0xff;
const NONE = -1;

const TIMESTAMP = bytesOf('{"timestamp":"');
const EVENT = bytesOf('Z","event_type":"probe",');
const HOST = bytesOf('"host":"');
const SOURCE = bytesOf('"src_ip":"');
const SOURCE_PORT = bytesOf('"src_port":');
const DESTINATION = bytesOf('"dest_ip":"');
const DESTINATION_PORT = bytesOf('"dest_port":');
const FLAGS = bytesOf('"tcp_flags":"');
const TTL = bytesOf('"ttl":');
const COMMA = bytesOf(",");
const NEXT = bytesOf('",');
const REFUSED = bytesOf('"outcome":"refused"}');
const SILENT = bytesOf('"outcome":"silent"}');
const PROTOCOLS: readonly (readonly [Uint8Array, number])[] = [
  [bytesOf('"proto":"TCP",'), PROTOCOL_TCP],
  [bytesOf('"proto":"UDP",'), PROTOCOL_UDP],
  [bytesOf('"proto":"SCTP",'), PROTOCOL_SCTP],
  [bytesOf('"proto":"IP",'), NONE],
];

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Reads lines into a segment. */
export class ProbeLine {
  /** Who has seen the last probe that was read; 0 if it has no name. */
  host = 0;
  #bytes = new Uint8Array(0);
  #at = 0;
  #end = 0;
  readonly #minute = new Uint8Array(MINUTE);
  /** When that minute began. */
  #minuteTime = NaN;

  /**
   * Reads a line.
   *
   * @param segment What it is read into; as it was, or partly read, if false.
   * @returns Whether it is written as ours are.
   */
  read(
    bytes: Uint8Array<ArrayBuffer>,
    length: number,
    segment: Segment,
  ): boolean {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = length;
    return this.#takes(TIMESTAMP) && this.#readTime(segment) &&
      this.#takes(EVENT) && this.#readHost() &&
      this.#takes(SOURCE) && this.#readAddress(segment, true) &&
      this.#takes(NEXT) && this.#readSourcePort(segment) &&
      this.#takes(DESTINATION) && this.#readAddress(segment, false) &&
      this.#takes(NEXT) && this.#takes(DESTINATION_PORT) &&
      this.#readTarget(segment) && this.#readTtl(segment) &&
      (this.#takes(REFUSED) || this.#takes(SILENT)) && this.#at === length;
  }

  /** Passes over some text, if it is what comes next. */
  #takes(text: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    const { length } = text;
    if (at + length > this.#end) return false;
    for (let i = 0; i < length; i++) {
      if (bytes[at + i] !== text[i]) return false;
    }
    this.#at = at + length;
    return true;
  }

  #readTime(segment: Segment): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    // "2026-01-01T00:00" and then ":00.000"
    if (at + MINUTE + 7 > this.#end || !this.#takeMinute()) return false;
    const after = at + MINUTE;
    if (bytes[after] !== COLON || bytes[after + 3] !== DOT) return false;
    const seconds = this.#digits(after + 1, 2);
    const thousandths = this.#digits(after + 4, 3);
    if (seconds < 0 || seconds > 59 || thousandths < 0) return false;
    this.#at = after + 7;
    segment.time = segment.wallTime = this.#minuteTime + seconds * 1000 +
      thousandths;
    return true;
  }

  #takeMinute(): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    const minute = this.#minute;
    let isSame = true;
    for (let i = 0; i < MINUTE; i++) {
      if (bytes[at + i] !== minute[i]) isSame = false;
    }
    if (isSame) return true;
    minute[0] = 0;
    const text = this.#text(at, at + MINUTE);
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return false;
    this.#minuteTime = Date.parse(`${text}:00.000Z`);
    if (!isOnCalendar(this.#minuteTime, text)) return false;
    minute.set(bytes.subarray(at, at + MINUTE));
    return true;
  }

  /** A number of so many digits; -1 if others stand there. */
  #digits(at: number, count: number): number {
    let value = 0;
    for (let i = at; i < at + count; i++) {
      const digit = this.#bytes[i] - ZERO;
      if (digit < 0 || digit > 9) return NONE;
      value = value * 10 + digit;
    }
    return value;
  }

  #readHost(): boolean {
    this.host = 0;
    if (!this.#takes(HOST)) return true;
    const bytes = this.#bytes;
    const first = this.#at;
    let at = first;
    while (bytes[at] !== QUOTE) {
      const byte = bytes[at];
      if (byte === BACKSLASH || byte < SPACE || ++at >= this.#end) return false;
    }
    this.host = hostOfName(bytes, first, at);
    this.#at = at;
    return this.#takes(NEXT);
  }

  #readAddress(segment: Segment, isSource: boolean): boolean {
    const word = this.#readIpv4();
    if (word === undefined) return this.#readIpv6(segment, isSource);
    if (isSource) {
      segment.version = 4;
      segment.source0 = segment.source1 = 0;
      segment.source2 = IPV4_MAPPED;
      segment.source3 = word;
      return true;
    }
    segment.destination0 = segment.destination1 = 0;
    segment.destination2 = IPV4_MAPPED;
    segment.destination3 = word;
    return segment.version === 4;
  }

  /** Four octets without leading zeros, up to a quotation mark. */
  #readIpv4(): number | undefined {
    const bytes = this.#bytes;
    let at = this.#at;
    let word = 0;
    for (let octet = 0; octet < 4; octet++) {
      const first = at;
      let value = 0;
      while (at < this.#end && at < first + 3) {
        const digit = bytes[at] - ZERO;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
        at++;
      }
      const isLong = at - first > 1 && bytes[first] === ZERO;
      if (at === first || value > HIGHEST_BYTE || isLong) return undefined;
      if (bytes[at] !== (octet < 3 ? DOT : QUOTE)) return undefined;
      at++;
      word = (word << 8) | value;
    }
    this.#at = at - 1;
    return word;
  }

  #readIpv6(segment: Segment, isSource: boolean): boolean {
    const start = this.#at;
    const end = this.#bytes.indexOf(QUOTE, start);
    if (end < 0 || end > this.#end || end - start > LONGEST_ADDRESS) {
      return false;
    }
    const words = ipv6Of(this.#text(start, end));
    if (words === undefined) return false;
    this.#at = end;
    if (isSource) {
      segment.version = 6;
      [segment.source0, segment.source1] = words;
      [, , segment.source2, segment.source3] = words;
      return true;
    }
    [segment.destination0, segment.destination1] = words;
    [, , segment.destination2, segment.destination3] = words;
    return segment.version === 6;
  }

  #readSourcePort(segment: Segment): boolean {
    segment.sourcePort = 0;
    if (!this.#takes(SOURCE_PORT)) return true;
    const port = this.#number(HIGHEST_PORT);
    segment.sourcePort = port;
    return port >= 0 && this.#takes(COMMA);
  }

  /** The probed port, and what of. */
  #readTarget(segment: Segment): boolean {
    const port = this.#number(HIGHEST_PORT);
    if (port < 0 || !this.#takes(COMMA)) return false;
    const found = PROTOCOLS.find(([text]) => this.#takes(text));
    if (found === undefined) return false;
    const [, protocol] = found;
    if (protocol === NONE && port > HIGHEST_BYTE) return false;
    segment.destinationPort = port;
    segment.protocol = protocol === NONE ? port : protocol;
    segment.flags = protocol === PROTOCOL_SCTP ? SCTP_INIT : 0;
    return protocol !== PROTOCOL_TCP || this.#readFlags(segment);
  }

  #readFlags(segment: Segment): boolean {
    if (!this.#takes(FLAGS)) return false;
    const high = hexDigit(this.#bytes[this.#at]);
    const low = hexDigit(this.#bytes[this.#at + 1]);
    this.#at += 2;
    segment.flags = (high << 4) | low;
    return high >= 0 && low >= 0 && this.#takes(NEXT);
  }

  #readTtl(segment: Segment): boolean {
    segment.ttl = 0;
    if (!this.#takes(TTL)) return true;
    segment.ttl = this.#number(HIGHEST_BYTE);
    return segment.ttl >= 0 && this.#takes(COMMA);
  }

  /** A whole number without leading zeros, at most so high; -1 if there is none. */
  #number(highest: number): number {
    const bytes = this.#bytes;
    const first = this.#at;
    let at = first;
    let value = 0;
    while (at < this.#end && at < first + 5) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    this.#at = at;
    const isLong = at - first > 1 && bytes[first] === ZERO;
    return at === first || isLong || value > highest ? NONE : value;
  }

  #text(start: number, end: number): string {
    return String.fromCharCode(...this.#bytes.subarray(start, end));
  }
}

/**
 * Whether a time, in milliseconds, is the minute that a text begins with: the 30th
 * of February is read as the 2nd of March, 24:00 as the next day.
 */
export function isOnCalendar(time: number, text: string): boolean {
  return !Number.isNaN(time) &&
    new Date(time).toISOString().startsWith(text.slice(0, MINUTE));
}

function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : NONE;
}

function ipv6Of(text: string) {
  try {
    const { words, bits } = parseAddress(text);
    return bits === 128 ? words : undefined;
  } catch {
    return undefined;
  }
}
