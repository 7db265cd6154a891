/**
 * Captures and tells of each incoming packet what is decoded: "port N" of a TCP
 * segment, "unreadable", or "other".
 *
 *     extension_probe.ts KIND INTERFACE
 *
 * @module
 */

import { openLive } from "../../capture/live.ts";
import { HeaderDecoder } from "../../detect/packet/headers.ts";
import { findNetworkHeader } from "../../detect/packet/link.ts";
import { DECODED, UNREADABLE } from "../../detect/packet/outcome.ts";
import { DIRECTION_IN, type Packet } from "../../detect/packet/packet.ts";
import { PROTOCOL_TCP, Segment } from "../../detect/packet/segment.ts";

const [kind, name] = Deno.args;
const segment = new Segment();
const decoder = new HeaderDecoder(segment);

function describe(packet: Packet): string {
  const { view, offset, length, originalLength } = packet;
  const start = findNetworkHeader(packet);
  if (start < 0) return "other";
  const missing = Math.max(0, originalLength - length);
  const outcome = decoder.decode(view, start, offset + length, missing);
  if (outcome === UNREADABLE) return `unreadable ${segment.destinationPort}`;
  const isTcp = outcome === DECODED && segment.protocol === PROTOCOL_TCP;
  return isTcp ? `port ${segment.destinationPort}` : "other";
}

const capture = await openLive({
  kind: kind as "raw",
  interfaces: [name],
  promiscuous: false,
  evidence: true,
  portMemory: false,
  warn: console.error,
});
Deno.addSignalListener("SIGTERM", () => capture.stop());
console.error("probing");
await capture.run((packet) => {
  if (packet.direction === DIRECTION_IN) console.log(describe(packet));
});
capture.close();
Deno.exit(0);
