/**
 * Captures with the evidence and tells each packet: its direction, its protocol,
 * and the flags or types that the filter decides by. A line for each tick too.
 *
 *     direction_probe.ts KIND INTERFACE...
 *
 * KIND "memory" is raw with the port memory in the kernel.
 *
 * @module
 */

import { openLive } from "../../capture/live.ts";
import { findNetworkHeader } from "../../detect/packet/link.ts";
import { DIRECTION_IN, type Packet } from "../../detect/packet/packet.ts";

const TICK_MS = 20;

const [kind, ...interfaces] = Deno.args;

function describe(packet: Packet): string {
  const { view } = packet;
  const start = findNetworkHeader(packet);
  const direction = packet.direction === DIRECTION_IN ? "in" : "out";
  if (start < 0) return `${direction} no IP`;
  const version = view.getUint8(start) >> 4;
  const protocol = view.getUint8(start + (version === 4 ? 9 : 6));
  const at = start + (version === 4 ? (view.getUint8(start) & 0xf) * 4 : 40);
  const what = () => {
    if (protocol === 6) return `tcp ${view.getUint8(at + 13).toString(16)}`;
    if (protocol === 132) return `sctp ${view.getUint8(at + 12)}`;
    const isIcmp = protocol === 1 || protocol === 58;
    if (!isIcmp) return `protocol ${protocol}`;
    return `icmp ${view.getUint8(at)}/${view.getUint8(at + 1)}`;
  };
  return `${direction} IPv${version} ${what()}`;
}

const capture = await openLive({
  kind: kind === "memory" ? "raw" : kind as "raw",
  interfaces,
  promiscuous: false,
  evidence: true,
  portMemory: kind === "memory",
  warn: console.error,
});
Deno.addSignalListener("SIGTERM", () => capture.stop());
console.error("probing");
await capture.run(
  (packet) => console.log(describe(packet)),
  () => {
    console.log("tick");
    return TICK_MS;
  },
);
capture.close();
Deno.exit(0);
