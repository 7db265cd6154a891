/** ICMP errors that quote of a datagram no more than its ports, as RFC 792 allows. */

import { DIRECTION_UNKNOWN, LINKTYPE_RAW } from "../../../library/packet.ts";
import { Packet } from "../../../mod.ts";
import { assertEquals } from "../../assert.ts";
import {
  type Bytes,
  DESTINATION,
  icmpUnreachable,
  ipv4,
  SOURCE,
  udp,
} from "../../packets.ts";
import { portsFrom, START, Watch } from "../../watch.ts";

const RTP = Uint8Array.from({ length: 172 }, (_, i) => i === 0 ? 0x80 : 0);
const OTHER = RTP.with(0, 0x20);
const QUOTED = 20 + 8;

function packetOf(bytes: Bytes, time: number): Packet {
  const packet = new Packet();
  packet.linkType = LINKTYPE_RAW;
  packet.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  packet.length = packet.originalLength = bytes.length;
  packet.time = packet.wallTime = START + time;
  packet.direction = DIRECTION_UNKNOWN;
  return packet;
}

/** How many scans are told of datagrams to closed ports. */
function scansOf(...payloads: Uint8Array[]): number {
  const watch = new Watch({
    ...{ classic: false, home: DESTINATION },
  });
  const { detector } = watch;
  for (const [i, destinationPort] of portsFrom(10_000, 40).entries()) {
    for (const payload of payloads) {
      const datagram = ipv4(udp({ destinationPort, payload }), {
        protocol: 17,
      });
      const error = ipv4(icmpUnreachable(datagram.slice(0, QUOTED)), {
        ...{ protocol: 1, source: DESTINATION, destination: SOURCE },
      });
      detector.packet(packetOf(datagram, i * 100));
      detector.packet(packetOf(error, i * 100 + 1));
    }
  }
  detector.finish();
  return watch.scans.length;
}

Deno.test("media that come too late are no probes, though hardly quoted", () => {
  assertEquals(scansOf(RTP), 0);
});

Deno.test("other datagrams are, also behind such media", () => {
  assertEquals(scansOf(OTHER) > 0, true);
  assertEquals(scansOf(RTP, OTHER) > 0, true);
});
