/**
 * The five laws of the detector, each tried on random scans amid random other
 * traffic. What is compared are the decisions: the sources found, and by which
 * rule, without a limit to what is reported. SCANLOGD_SEED repeats a run.
 */

import { PROTOCOL_UDP, TCP_ACK, TCP_SYN } from "../../library/packet.ts";
import { assert, assertEquals, assertGreater } from "../assert.ts";
import { amount } from "../long.ts";
import { below, pick, type Random, runSeed, seeded } from "../random.ts";
import {
  type MayUse,
  randomConnections,
  randomInnocent,
} from "./laws/innocents.ts";
import { ReusedPorts } from "./laws/reused_ports.ts";
import { type RandomScan, randomScan } from "./laws/scans.ts";
import { clientPort, moment, type Scene, SCENES } from "./laws/scenes.ts";
import { address, type Found, Traffic, watch } from "./traffic.ts";

const CASES = amount(5_000, 200_000);
const SCANNER = "192.0.2.66";

/** Far more than take part in a case; larger tables take time to make. */
const SOURCES = 256;
const PORTS = new ReusedPorts();

/** What a new detector makes of traffic in a scene. */
function watchIn({ options }: Scene, traffic: Traffic): Found {
  const portMemory = PORTS.forget();
  return watch(traffic, { sources: SOURCES, portMemory, ...options });
}

/** A case: what it needs to be repeated is its number and the run's seed. */
type Case = (random: Random, scene: Scene) => void;

/** Tries a law on random cases, half of them in each scene. */
function law(name: string, body: Case, cases = CASES): void {
  Deno.test(`${name}: ${cases} random cases`, () => {
    const seed = runSeed();
    console.log(`SCANLOGD_SEED=${seed}`);
    for (let number = 0; number < cases; number++) {
      const scene = SCENES[number % SCENES.length];
      try {
        body(seeded(seed + Math.imul(number, 0x9e3779b1)), scene);
      } catch (cause) {
        throw new Error(
          `case ${number} (${scene.name}); repeat it with SCANLOGD_SEED=${seed}`,
          { cause },
        );
      }
    }
  });
}

/** What was decided of one source, in order. */
function decisionsOf({ decisions }: Found, source: string): string[] {
  return [...decisions].filter((text) => text.startsWith(`${source} `)).sort();
}

/** Whether a source was found, by whatever rule. */
function isFound(found: Found, source: string): boolean {
  return decisionsOf(found, source).length > 0;
}

function assertHasAll(actual: string[], expected: string[]): void {
  const missing = expected.filter((decision) => !actual.includes(decision));
  assertEquals(missing, [], "found before, now hidden");
}

/** Traffic together with other traffic. */
function together(...traffics: Traffic[]): Traffic {
  return new Traffic().add(...traffics);
}

/** Sources of many networks: none has a share in a scan with another one. */
function others(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${address("203", i)}.9`);
}

law("1. copies within 1 ms change no decision", (random, scene) => {
  const { traffic } = randomScan(random, scene, SCANNER);
  traffic.add(randomInnocent(random, scene, others(1)[0], 40));
  const copies = new Traffic();
  const oneIn = pick(random, [1, 3, 10]);
  for (const packet of traffic.packets) {
    if (below(random, oneIn) > 0) continue;
    copies.packets.push({ ...packet, time: packet.time + 0.5 });
  }
  assertEquals(
    [...watchIn(scene, together(traffic, copies)).decisions].sort(),
    [...watchIn(scene, traffic).decisions].sort(),
  );
});

/**
 * Targets whose memory the scan has no part in: of this host other ports, of
 * other hosts the same ones too.
 */
function apart(scan: RandomScan, { isHome }: Scene): MayUse {
  return (host, port) =>
    !scan.ports.has(port) || (isHome && !scan.hosts.has(host));
}

/** What an accomplice at one of our hosts sends to the scanner, unasked. */
function unaskedAnswers(
  random: Random,
  scene: Scene,
  scan: RandomScan,
): Traffic {
  const traffic = new Traffic();
  const mayUse = apart(scan, scene);
  for (const port of [...scan.ports, 443, 8443, 60_001]) {
    const host = pick(random, scene.own);
    if (!mayUse(host, port)) continue;
    const time = moment(below(random, scan.end));
    const ends = { source: scan.source, sourcePort: clientPort(random), host };
    traffic.send({ ...ends, port, time }, { flags: TCP_SYN | TCP_ACK });
  }
  return traffic;
}

/** What others do at the scanned ports by another protocol, answered. */
function otherProtocol(random: Random, scan: RandomScan): Traffic {
  const traffic = new Traffic();
  const source = others(3)[2];
  const datagram = { protocol: PROTOCOL_UDP, flags: 0 };
  for (const { segment, time } of scan.traffic.packets) {
    if (segment.source !== SCANNER) continue;
    const { destination: host, destinationPort: port } = segment;
    const sourcePort = clientPort(random);
    const ends = { source, sourcePort, host, port, time: time + 0.01 };
    if (segment.protocol === PROTOCOL_UDP) traffic.connect(ends);
    else {
      traffic.receive(ends, datagram);
      traffic.send(ends, datagram, 0.01);
    }
  }
  return traffic;
}

law("2. an outcome touches only its own source and target", (random, scene) => {
  const scan = randomScan(random, scene, SCANNER);
  const [neighbour, client] = others(2);
  const refusedToo = new Traffic();
  // Refusals of the same targets, to somebody else.
  for (const { segment, time } of scan.traffic.packets) {
    if (segment.source !== SCANNER || below(random, 2) === 0) continue;
    const { destination: host, destinationPort: port } = segment;
    const ends = { source: neighbour, sourcePort: 2_000, host, port };
    refusedToo.probe("syn", "refused", { ...ends, time: time + 0.01 });
  }
  const outcomes = pick(random, [
    () => refusedToo,
    () => unaskedAnswers(random, scene, scan),
    () => otherProtocol(random, scan),
    () => randomConnections(random, scene, client, apart(scan, scene)),
  ])();
  assertEquals(
    decisionsOf(
      watchIn(scene, together(scan.traffic, outcomes)),
      SCANNER,
    ),
    decisionsOf(watchIn(scene, scan.traffic), SCANNER),
  );
});

law("3. answered connections hide nothing", (random, scene) => {
  const scan = randomScan(random, scene, SCANNER);
  const mayUse = apart(scan, scene);
  const before = watchIn(scene, scan.traffic);
  if (below(random, 2) === 0) {
    const ofOthers = others(3).map((source) =>
      randomConnections(random, scene, source, mayUse, 40)
    );
    const amid = watchIn(scene, together(scan.traffic, ...ofOthers));
    assertHasAll(decisionsOf(amid, SCANNER), decisionsOf(before, SCANNER));
    return;
  }
  // Its own ones may shorten its pauses, so that another rule finds it.
  const own = randomConnections(random, scene, SCANNER, mayUse);
  const after = watchIn(scene, together(scan.traffic, own));
  if (isFound(before, SCANNER)) assert(isFound(after, SCANNER), "now hidden");
});

/** Sources that send a packet each. */
function strays(random: Random, scene: Scene, count: number): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < count; i++) {
    traffic.probe("syn", pick(random, ["refused", "silent"]), {
      source: address("100.64", below(random, 65_536)),
      sourcePort: clientPort(random),
      host: pick(random, scene.own),
      port: 1 + below(random, 65_535),
      time: moment(below(random, 300), i),
    });
  }
  return traffic;
}

/** What others do: scans, innocent traffic, strays. */
function otherTraffic(random: Random, scene: Scene, scan: RandomScan): Traffic {
  const [first, second, third] = others(3);
  return together(
    randomScan(random, scene, first).traffic,
    randomConnections(random, scene, second, apart(scan, scene), 40),
    randomConnections(random, scene, third, apart(scan, scene), 40),
    strays(random, scene, below(random, 60)),
  );
}

/** Whether nothing that others scan can be in the port memory of a scan. */
function isShared(other: Traffic, scan: RandomScan, scene: Scene): boolean {
  const mayUse = apart(scan, scene);
  return other.packets.some(({ segment }) =>
    segment.flags === (TCP_SYN | TCP_ACK) &&
    !mayUse(segment.source, segment.sourcePort)
  );
}

law("4. other sources hide nothing while there is room", (random, scene) => {
  const scan = randomScan(random, scene, SCANNER);
  const other = otherTraffic(random, scene, scan);
  if (isShared(other, scan, scene)) return;
  const before = watchIn(scene, scan.traffic);
  const after = watchIn(scene, together(scan.traffic, other));
  assertHasAll(decisionsOf(after, SCANNER), decisionsOf(before, SCANNER));
});

law("4. what is lost where there is no room is counted", (random, scene) => {
  const scan = randomScan(random, scene, SCANNER);
  const small = { ...scene, options: { ...scene.options, sources: 16 } };
  const before = watchIn(small, scan.traffic);
  const flood = strays(random, scene, 150);
  const { detector, ...after } = watchIn(small, together(scan.traffic, flood));
  const found = decisionsOf({ detector, ...after }, SCANNER);
  const isLost = decisionsOf(before, SCANNER).length > found.length;
  if (isLost) assertGreater(detector.evicted, 0);
}, CASES / 4);

law(
  "5. whose targets answered, or were open lately, is not reported",
  (random, scene) => {
    const innocent = randomInnocent(random, scene, SCANNER);
    assertEquals(watchIn(scene, innocent).lines, []);
  },
);

Deno.test("random scans are found and missed often enough to tell", () => {
  const random = seeded(1);
  let found = 0;
  for (let number = 0; number < 300; number++) {
    const scene = SCENES[number % SCENES.length];
    const { traffic } = randomScan(random, scene, SCANNER);
    if (isFound(watchIn(scene, traffic), SCANNER)) found++;
  }
  assertGreater(found, 75);
  assertGreater(300 - found, 30);
});
