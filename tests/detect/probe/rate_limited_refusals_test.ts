/**
 * Refusals by ICMP, of which the kernel sends six at once and then one a second:
 * what a scanner's haste leaves of them must still make a scan.
 */

import {
  DIRECTION_OUT,
  LINKTYPE_RAW,
  TCP_ACK,
  TCP_PSH,
  TCP_SYN,
} from "../../../library/packet.ts";
import { Packet, type Scan } from "../../../mod.ts";
import { assertEquals } from "../../assert.ts";
import {
  type Bytes,
  DESTINATION,
  icmpUnreachable,
  ipv4,
  SOURCE,
  tcp,
  udp,
} from "../../packets.ts";
import { portsFrom, START, Watch } from "../../watch.ts";

/** Longer than any scan is held. */
const LATER = 4000;
const SECOND = 1000;
/** The kernel's burst. */
const AT_ONCE = 6;
/** Their weight falls short of a scan's, as that of nmap's favourites may. */
const HIGH = portsFrom(8000, 7);

function packetOf(bytes: Bytes, time: number): Packet {
  const packet = new Packet();
  packet.linkType = LINKTYPE_RAW;
  packet.view = new DataView(bytes.buffer);
  packet.length = bytes.length;
  packet.time = packet.wallTime = START + time;
  packet.direction = DIRECTION_OUT;
  return packet;
}

/** The scans told of segments that a firewall refuses as fast as it may. */
function refused(flags: number, ports = HIGH): Scan[] {
  const { detector, reports } = new Watch({ classic: false });
  for (const [i, destinationPort] of ports.entries()) {
    const quoted = ipv4(tcp({ destinationPort, flags }));
    const icmp = ipv4(icmpUnreachable(quoted), {
      ...{ protocol: 1, source: DESTINATION, destination: SOURCE },
    });
    const late = Math.max(0, i - AT_ONCE + 1);
    detector.packet(packetOf(icmp, late * SECOND));
  }
  detector.advance(START + ports.length * SECOND + LATER);
  return reports.filter((report) => report.type === "scan");
}

Deno.test("segments with ACK need few refusals by ICMP to be a scan", () => {
  for (const flags of [TCP_ACK, TCP_PSH | TCP_ACK]) {
    const [scan] = refused(flags);
    assertEquals([scan.rule, scan.source], ["refusals", SOURCE]);
    assertEquals(scan.flagsAlwaysSet, flags);
    assertEquals(scan.ports, HIGH.slice(0, 6));
  }
});

Deno.test("one refusal by ICMP less is no scan", () => {
  assertEquals(refused(TCP_ACK, HIGH.slice(1)), []);
});

Deno.test("one port that refuses segments with ACK for long is no scan", () => {
  assertEquals(refused(TCP_ACK, Array(30).fill(8080)), []);
});

Deno.test("refused SYNs weigh what their ports weigh", () => {
  assertEquals(refused(TCP_SYN), []);
  assertEquals(refused(TCP_SYN, portsFrom(80, 7)).length, 1);
});

Deno.test("one UDP datagram does not make a TCP scan one of UDP", () => {
  const watch = new Watch({ classic: false });
  watch.scan(portsFrom(20, 3));
  const quoted = ipv4(udp({ destinationPort: 161 }), { protocol: 17 });
  const icmp = ipv4(icmpUnreachable(quoted), {
    ...{ protocol: 1, source: DESTINATION, destination: SOURCE },
  });
  watch.detector.packet(packetOf(icmp, 0));
  watch.scan(portsFrom(100, 10));
  watch.detector.finish();
  assertEquals(watch.detector.counters.refusals, 1);
  assertEquals(watch.scans.map(({ protocol }) => protocol), ["tcp"]);
});
