import {
  DIRECTION_IN,
  DIRECTION_OUT,
  TCP_ACK,
  TCP_RST,
  TCP_SYN,
} from "../../../library/packet.ts";
import { assert, assertEquals, assertLess } from "../../assert.ts";
import { DESTINATION } from "../../packets.ts";
import { below, seeded } from "../../random.ts";
import { portsFrom, START, Watch } from "../../watch.ts";
import { peers, PeersWatch } from "../probe/peers.ts";

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

    Deno.test(`${rounds}: it alone gets answers, which prove nothing`, () => {
      const { reports } = scanInLockstep({ reachable: [REAL], pause, first });
      const [decoys, ...more] = reports;
      assertEquals(more, []);
      assertEquals(decoys.type, "decoys");
      if (decoys.type !== "decoys") return;
      assertEquals(decoys.sources, 6);
      assertEquals(decoys.likely, undefined);
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

/** 31 sources in lockstep; a third of their probes is lost, three are refused. */
function scanWithLosses(seed: number): Watch {
  const random = seeded(seed);
  const watch = new Watch({ classic: false });
  let time = 0;
  for (const port of portsFrom(1, 60)) {
    for (let i = 1; i <= 31; i++) {
      time += 0.05;
      if (below(random, 3) === 0) continue;
      const probe = { time, sequence: 77, window: 1024 };
      const source = `203.0.113.${i}`;
      const ends = { source, sourcePort: PEER_PORT, destinationPort: port };
      watch.send({ ...ends, ...probe, direction: DIRECTION_IN });
      if (i > 3) continue;
      watch.send({
        ...{ time, source: DESTINATION, sourcePort: port },
        ...{ destination: source, destinationPort: PEER_PORT },
        ...{ flags: TCP_RST | TCP_ACK, acknowledgement: 78 },
        direction: DIRECTION_OUT,
      });
    }
    if (port % 6 === 0) time += below(random, 10);
  }
  watch.detector.finish();
  return watch;
}

Deno.test("a third of all probes is lost, also first ones: it is one event", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const found = scanWithLosses(seed).reports.map((each) =>
      each.type === "decoys" ? each.sources : each.type
    );
    assertEquals(found, [31], `seed ${seed}`);
  }
});

/** Two forged sources, and one that is real. */
const [FORGED, OTHER, SCANNER] = peers(3, "203.0");

Deno.test("a group that was told hides no scan that repeats one of its probes", () => {
  const host = new PeersWatch();
  host.probeTogether([FORGED, OTHER], 0);
  // One forged probe now and then keeps the group alive.
  for (let time = 1000; time <= 9000; time += 2000) {
    host.probeTogether([FORGED], time, [900]);
  }
  assertEquals(host.reports.map(({ type }) => type), ["decoys"]);
  // The probe that completes the scan is the same as the forged one.
  host.probeTogether([SCANNER], 9100, portsFrom(101, 6));
  host.probeTogether([SCANNER], 9200, [900]);
  host.probeTogether([SCANNER], 9300, portsFrom(1000, 1000));
  host.detector.finish();
  assertEquals(host.sources, [SCANNER]);
  assertEquals(host.detector.counters.scans, 2);
});

Deno.test("a member of a group is named once it proves real, told already or not", () => {
  for (const verified of [2000, 5000]) {
    const host = new PeersWatch();
    const group = [FORGED, SCANNER, OTHER];
    host.probeTogether(group, 0);
    for (let time = 1500; time < verified; time += 1500) {
      host.probeTogether(group, time, [900 + time]);
    }
    // So that what it sent of its own does not show who is real.
    const silent = group.filter((source) => source !== SCANNER);
    host.probeTogether(silent, verified - 20, [901]);
    host.verify(SCANNER, verified);
    host.detector.finish();
    const [decoys, ...scans] = host.reports;
    assert(decoys.type === "decoys");
    assertEquals(decoys.sources, 3);
    if (decoys.likely === undefined) {
      assertEquals(host.sources, [SCANNER]);
      assert(host.scans[0].verified);
      assertEquals(host.detector.counters.scans, 2);
    } else {
      assertEquals([decoys.likely, scans], [SCANNER, []]);
      assertEquals(host.detector.counters.scans, 1);
    }
  }
});

Deno.test("members that prove real are no decoys, however many", () => {
  const host = new PeersWatch();
  const group = [FORGED, OTHER, SCANNER];
  host.probeTogether(group, 0);
  host.verify(OTHER, 1500);
  host.verify(SCANNER, 1600);
  host.detector.finish();
  const [decoys] = host.reports;
  assert(decoys.type === "decoys");
  assertEquals(decoys.likely, undefined);
  assertEquals(host.sources, [OTHER, SCANNER]);
  assertEquals(host.detector.counters.scans, 3);
});

Deno.test("a group is told with members whose scans have ended, and with no others", () => {
  const host = new PeersWatch({ scanDelay: 500 });
  host.probeTogether([FORGED, SCANNER], 0);
  host.probeTogether([SCANNER], 100, portsFrom(200, 10));
  for (const time of [1100, 1700, 2300]) host.detector.advance(START + time);
  // It would take the place of a member that had ended, and stand out.
  const stranger = OTHER;
  host.probeTogether([stranger], 2300, portsFrom(300, 50));
  host.detector.finish();
  const decoys = host.reports.find(({ type }) => type === "decoys");
  assert(decoys?.type === "decoys");
  assertEquals(decoys.names, [FORGED, SCANNER]);
  assertEquals(decoys.likely, undefined);
  assertEquals(host.sources, [stranger]);
});

Deno.test("sources beyond those that are followed count all the same", () => {
  const host = new PeersWatch();
  const group = peers(300);
  host.probeTogether(group, 0);
  host.detector.finish();
  const [decoys, ...more] = host.reports;
  assertEquals(more, []);
  assert(decoys.type === "decoys");
  assertEquals(decoys.sources, 300);
  assertEquals(decoys.names, group.slice(0, 128));
});

Deno.test("groups that are kept alive take no memory", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--v8-flags=--expose-gc"],
      new URL("lockstep_memory.ts", import.meta.url).pathname,
    ],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, decode(stderr));
  const { growth, groups } = JSON.parse(decode(stdout));
  assertLess(100, groups);
  // A word for each source that came would be over 0.3 MiB.
  assertLess(growth, 128 * 1024);
});

Deno.test("a member that goes on alone is named", () => {
  const host = new PeersWatch();
  host.probeTogether([FORGED, SCANNER], 0);
  const ports = portsFrom(1000, 500);
  for (const [i, port] of ports.entries()) {
    host.probeTogether([SCANNER], 2000 + i * 20, [port]);
  }
  host.detector.finish();
  assertEquals(host.reports.map(({ type }) => type), ["decoys", "scan"]);
  assertEquals(host.sources, [SCANNER]);
});

Deno.test("a member that others go on with is not, whoever probes first", () => {
  const host = new PeersWatch();
  host.probeTogether([FORGED, SCANNER], 0);
  for (const [i, port] of portsFrom(1000, 500).entries()) {
    host.probeTogether([FORGED, SCANNER], 2000 + i * 20, [port]);
  }
  host.detector.finish();
  assertEquals(host.reports.map(({ type }) => type), ["decoys"]);
});

Deno.test("who was verified long ago is not called likely", () => {
  const host = new PeersWatch();
  host.verify(OTHER, 0);
  const later = 3_600_000;
  host.probeTogether([OTHER, SCANNER], later);
  host.detector.advance(START + later + 10_000);
  const [decoys, ...more] = host.reports;
  assertEquals(more, []);
  assert(decoys.type === "decoys");
  assertEquals(decoys.likely, undefined);
});
