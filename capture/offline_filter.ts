/**
 * tcpdump expressions for capture files, through libpcap.
 *
 * @module
 */

import {
  LINKTYPE_RAW,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
  SUPPORTED_LINK_TYPES,
} from "../detect/packet/link.ts";
import type { Packet } from "../detect/packet/packet.ts";
import { compileFilter, libpcap } from "../ffi/libpcap.ts";
import type { PacketFilter } from "./file.ts";

const SNAP_LENGTH = 262_144;

/** A compiled expression, or why it does not compile for a link type. */
type Program = Uint8Array<ArrayBuffer> | Error;

/**
 * Makes a packet filter of a tcpdump expression. It is compiled for every link
 * type at once: once the file is being read, neither the library nor the names
 * of ports and hosts are within reach.
 *
 * @throws {Error} If libpcap is missing, or with its own message if the
 * expression is wrong for every link type.
 */
export function offlineFilter(expression: string): PacketFilter {
  const programs = new Map<number, Program>(
    SUPPORTED_LINK_TYPES.map((type) => [type, compile(type, expression)]),
  );
  const first = programs.get(LINKTYPE_RAW);
  const isHopeless = [...programs.values()].every((p) => p instanceof Error);
  if (isHopeless && first instanceof Error) throw first;
  return (packet) => matches(packet, programs.get(packet.linkType));
}

function compile(linkType: number, expression: string): Program {
  // Raw IP has one number in libpcap's memory, whatever files call it.
  const isRaw = linkType === LINKTYPE_RAW || linkType === LINKTYPE_RAW_OPENBSD;
  const dlt = isRaw ? LINKTYPE_RAW_DLT : linkType;
  const handle = libpcap().pcap_open_dead(dlt, SNAP_LENGTH);
  if (handle === null) return new Error("pcap_open_dead: out of memory");
  try {
    return compileFilter(handle, expression);
  } catch (error) {
    return new Error(
      `--filter: ${(error as Error).message}, in "${expression}"`,
    );
  } finally {
    libpcap().pcap_close(handle);
  }
}

/** struct pcap_pkthdr: a time of 16 bytes, caplen, len (pcap/pcap.h). */
const header = new Uint32Array(6);

function matches(packet: Packet, program: Program | undefined): boolean {
  if (program instanceof Error) throw program;
  if (program === undefined) return false;
  const { view, offset, length, originalLength } = packet;
  header[4] = length;
  header[5] = Math.max(length, originalLength);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
  return libpcap().pcap_offline_filter(
    program,
    header,
    bytes as Uint8Array<ArrayBuffer>,
  ) !== 0;
}
