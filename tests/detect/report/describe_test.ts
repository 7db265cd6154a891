/**
 * What a scan is said to be: nothing that its probes had not in common.
 */

import { DIRECTION_IN, DIRECTION_UNKNOWN } from "../../../library/packet.ts";
import type { Scan } from "../../../mod.ts";
import { assertEquals } from "../../assert.ts";
import { portsFrom } from "../../watch.ts";
import { ends, SECOND, Traffic, watch } from "../traffic.ts";

for (const direction of [DIRECTION_IN, DIRECTION_UNKNOWN]) {
  Deno.test(`a scan is described by its own probes, not by slow ones before it (direction ${direction})`, () => {
    const traffic = new Traffic();
    for (const [i, port] of portsFrom(100, 30).entries()) {
      traffic.receive(ends({ port, time: i * 4 * SECOND }), { direction });
    }
    for (const [i, port] of portsFrom(1, 30).entries()) {
      const time = 130 * SECOND + i * 20;
      const [sourcePort, tos, ttl] = [40_000 + i, i, 64 - i];
      traffic.receive(
        ends({ port, sourcePort, time }),
        { direction, tos, ttl },
      );
    }
    const scans = watch(traffic).reports as Scan[];
    const { sourcePort, tos, ttl } = scans.at(-1)!;
    assertEquals({ sourcePort, tos, ttl }, {
      ...{ sourcePort: undefined, tos: undefined, ttl: undefined },
    });
  });
}
