import {
  DIRECTION_IN,
  DIRECTION_OUT,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { DESTINATION } from "../packets.ts";
import { portsFrom, Watch } from "../watch.ts";

const REAL = "192.0.2.1";
const DECOYS = Array.from({ length: 5 }, (_, i) => `192.0.2.${10 + i}`);
const PEER_PORT = 50_000;

/** How a round of probes is sent and answered. */
interface Lockstep {
  /** Who gets the host's SYN|ACKs; to the others there is no way. */
  reachable: readonly string[];
  /** From a round to the next, in milliseconds. */
  pause: number;
  /** Whose probe goes first in each round. */
  first: string;
  /** From a probe of a round to the next, in milliseconds [0.01]. */
  gap?: number;
}

/** Scans 40 ports, one probe of each source a round. Ports 1 to 3 are open. */
function scanInLockstep(
  { reachable, pause, first, gap = 0.01 }: Lockstep,
): Watch {
  const watch = new Watch({ classic: false });
  const sources = [...DECOYS, REAL].sort((a, b) =>
    Number(b === first) - Number(a === first)
  );
  for (const [round, port] of portsFrom(1, 40).entries()) {
    for (const [i, source] of sources.entries()) {
      const time = round * pause + i * gap;
      const probe = { time, sequence: 77, window: 1024 };
      const ends = { source, sourcePort: PEER_PORT, destinationPort: port };
      watch.send({ ...ends, ...probe, direction: DIRECTION_IN });
      if (port > 3 || !reachable.includes(source)) continue;
      watch.send({
        time,
        source: DESTINATION,
        sourcePort: port,
        destination: source,
        destinationPort: PEER_PORT,
        flags: TCP_SYN | TCP_ACK,
        sequence: 1_000 + port,
        acknowledgement: 78,
        direction: DIRECTION_OUT,
      });
      watch.send({
        ...ends,
        time,
        flags: TCP_RST,
        sequence: 78,
        direction: DIRECTION_IN,
      });
    }
  }
  watch.detector.finish();
  return watch;
}

for (const pause of [0.5, 5, 100]) {
  for (const first of [REAL, DECOYS[0]]) {
    const order = first === REAL ? "first" : "last";
    const rounds = `a round each ${pause} ms, the real one ${order}`;

    Deno.test(`${rounds}: it alone gets answers, and is one of the group`, () => {
      const { reports } = scanInLockstep({ reachable: [REAL], pause, first });
      const [decoys, ...more] = reports;
      assertEquals(more, []);
      assertEquals(decoys.type, "decoys");
      if (decoys.type !== "decoys") return;
      assertEquals(decoys.sources, 6);
      assertEquals(decoys.likely, REAL);
    });

    Deno.test(`${rounds}: some decoys answer as well, nobody is named`, () => {
      const reachable = [REAL, DECOYS[1], DECOYS[3]];
      const { reports } = scanInLockstep({ reachable, pause, first });
      const [decoys, ...more] = reports;
      assertEquals(more, []);
      assertEquals(decoys.type, "decoys");
      if (decoys.type !== "decoys") return;
      assertEquals(decoys.sources, 6);
      assertEquals(decoys.likely, undefined);
    });
  }
}

Deno.test("a busy scanner takes long for a round: it is one event all the same", () => {
  for (const first of [REAL, DECOYS[0]]) {
    const { reports } = scanInLockstep({
      ...{ reachable: [REAL], pause: 200, first, gap: 30 },
    });
    assertEquals(reports.map(({ type }) => type), ["decoys"]);
  }
});
