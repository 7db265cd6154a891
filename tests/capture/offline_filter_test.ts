/** tcpdump expressions for capture files: libpcap decides, as tcpdump does. */

import { offlineFilter } from "../../capture/offline_filter.ts";
import { LINKTYPE_RAW } from "../../library/packet.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { liveTest } from "../live/require.ts";
import { ipv4, LINKS, packetOf, tcp } from "../packets.ts";

const DATAGRAM = ipv4(tcp({ destinationPort: 7 }));
const NEEDS = { tools: ["tcpdump"] };

liveTest("a filter goes by the length that a packet had", NEEDS, () => {
  const filter = offlineFilter("greater 100");
  for (const [original, expected] of [[0, 0], [40, 0], [99, 0], [100, 1]]) {
    const packet = packetOf(DATAGRAM, LINKTYPE_RAW);
    packet.originalLength = original;
    assertEquals(filter(packet), expected === 1, `${original}`);
  }
});

liveTest("a filter finds the ports over plain links", NEEDS, () => {
  const [seven, eight] = [7, 8].map((port) =>
    offlineFilter(`tcp dst port ${port}`)
  );
  const plain = LINKS.filter(({ name, versions }) =>
    /^(raw \d+|Ethernet|cooked( 2)?, host)$/.test(name) && versions.includes(4)
  );
  assertEquals(plain.length, 7);
  for (const { name, linkType, wrap } of plain) {
    const packet = packetOf(wrap(DATAGRAM, 4), linkType);
    assertEquals([seven(packet), eight(packet)], [true, false], name);
  }
});

liveTest("an expression that is wrong is refused", NEEDS, () => {
  assertThrows(() => offlineFilter("tcp dst harbour 7"), Error, "--filter: ");
});
