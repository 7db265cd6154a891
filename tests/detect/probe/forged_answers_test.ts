/** Answers in other hosts' names prove nothing about whom they go to. */

import {
  type Direction,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  TCP_ACK,
  TCP_FIN,
  TCP_SYN,
} from "../../../library/packet.ts";
import { AddressSet, type DetectorOptions } from "../../../mod.ts";
import { assertEquals } from "../../assert.ts";
import { DESTINATION, SOURCE, SOURCE_PORT } from "../../packets.ts";
import { HostWatch, SEVEN } from "../../watch.ts";

const SERVICE = 443;
const SEQUENCE = 1000;
/** Where the watched host itself is, which passes on what goes to the other. */
const ROUTER = AddressSet.from(["198.51.100.1"]);
const NETWORK = AddressSet.from(["198.51.100.0/24"]);

/** Whether a scan counts as a verified source's after these answers. */
function isVerified(
  options: DetectorOptions,
  directions: readonly Direction[],
): boolean {
  const watch = new HostWatch(options);
  watch.receive({ destinationPort: SERVICE, sequence: 77, time: 0 });
  for (const direction of directions) {
    watch.send({
      ...{ source: DESTINATION, sourcePort: SERVICE },
      ...{ destination: SOURCE, destinationPort: SOURCE_PORT },
      flags: TCP_SYN | TCP_ACK,
      ...{ sequence: SEQUENCE, acknowledgement: 78, direction, time: 0 },
    });
  }
  watch.receive({
    ...{ destinationPort: SERVICE, flags: TCP_FIN | TCP_ACK, time: 0 },
    acknowledgement: SEQUENCE + 1,
  });
  for (const destinationPort of SEVEN) {
    watch.receive({ destinationPort, time: 1 });
  }
  watch.detector.finish();
  return watch.scans[0].verified;
}

Deno.test("answers that come from elsewhere, or pass through, verify nobody", () => {
  const both = [DIRECTION_IN, DIRECTION_OUT];
  for (const options of [{ promiscuous: true }, { home: NETWORK }]) {
    assertEquals(isVerified({ ...options, local: ROUTER }, both), false);
  }
});

Deno.test("the watched host's own answers do, and those in a file", () => {
  const local = AddressSet.from([DESTINATION]);
  assertEquals(isVerified({ local }, [DIRECTION_OUT]), true);
  assertEquals(isVerified({}, [DIRECTION_UNKNOWN]), true);
});
