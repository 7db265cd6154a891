/** What nobody answered is handed on once, and nothing else is. */

import {
  DIRECTION_IN,
  DIRECTION_UNKNOWN,
  Segment,
  TCP_SYN,
} from "../../../library/packet.ts";
import { Detector, type ProbeRecord } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { amount } from "../../long.ts";
import { START } from "../../packets.ts";
import { below, pick, seeded } from "../../random.ts";
import { assertProbe } from "../../schema.ts";
import { formatProbe } from "../../../format/probe.ts";
import { clientPort, moment, SCENES } from "../laws/scenes.ts";
import {
  type Ends,
  type Fate,
  type Found,
  hosts,
  HOUR,
  SECOND,
  type Technique,
  TECHNIQUES,
  Traffic,
  watch,
} from "../traffic.ts";

const US = "198.51.100.2";
const PEER = "203.0.113.1";
const LOCAL = hosts(US);

/** What is handed on, of a host that knows its address. */
function judged(
  traffic: Traffic,
  options: Parameters<typeof watch>[1] = {},
): ProbeRecord[] & { found?: Found } {
  const records: ProbeRecord[] & { found?: Found } = [];
  records.found = watch(traffic, {
    local: LOCAL,
    probes: (record) => records.push(record),
    ...options,
  });
  return records;
}

function ends(port: number, time = 0, source = PEER): Ends {
  return { source, sourcePort: 40_000, host: US, port, time };
}

function one(technique: Technique, fate: Fate): ProbeRecord[] {
  const traffic = new Traffic();
  traffic.probe(technique, fate, ends(2000));
  return [...judged(traffic)];
}

Deno.test("each technique's probe is handed on unless it is answered", () => {
  for (const technique of TECHNIQUES) {
    for (const fate of ["refused", "silent", "open"] as const) {
      const records = one(technique, fate);
      // An open port drops these: to us it is silent. What has ACK it refuses.
      const isSilent = ["fin", "null", "xmas"].includes(technique);
      const hasAck = ["ack", "window", "maimon"].includes(technique);
      const isTold = fate !== "open" || isSilent || hasAck;
      assertEquals(records.length, isTold ? 1 : 0, `${technique} ${fate}`);
      for (const record of records) assertProbe(formatProbe(record, "web1"));
      if (fate === "open" || !isTold) continue;
      assertEquals(records[0].outcome, fate, technique);
    }
  }
});

Deno.test("a record says what the packet said", () => {
  const [record] = one("syn", "refused");
  assertEquals(record, {
    time: START,
    source: PEER,
    sourcePort: 40_000,
    destination: US,
    destinationPort: 2000,
    protocol: "tcp",
    flags: 2,
    ttl: 64,
    outcome: "refused",
  });
});

Deno.test("connections, whatever ends them, are no probes", () => {
  const traffic = new Traffic();
  for (
    const [i, ending] of (["fin", "reset", "abort", "stays"] as const).entries()
  ) {
    traffic.connect(ends(443, i * SECOND, `203.0.113.${i}`), ending);
  }
  // A port that was open lately: a service restarts.
  traffic.refuse(ends(443, HOUR, "203.0.113.9"));
  assertEquals([...judged(traffic)], []);
});

Deno.test("a target is handed on once an hour, however often it is probed", () => {
  const traffic = new Traffic();
  for (const time of [0, 1, 1000, 3000, 7000, 15_000, HOUR, 20 * HOUR]) {
    traffic.probe("syn", "silent", ends(23, time));
  }
  traffic.probe("syn", "refused", ends(24, 500));
  traffic.probe("syn", "refused", ends(24, 900));
  const told = judged(traffic).map((
    { destinationPort, time },
  ) => [destinationPort, time - START]);
  assertEquals(told, [[23, 0], [24, 500], [23, HOUR], [23, 20 * HOUR]]);
});

Deno.test("a scan that was found is not handed on further", () => {
  const traffic = new Traffic();
  for (let port = 1; port < 1000; port++) {
    traffic.probe("syn", "refused", ends(port, port));
  }
  const { length } = judged(traffic);
  assert(length >= 7 && length < 20, `${length}`);
});

Deno.test("at most so many a second; the rest is counted", () => {
  const traffic = new Traffic();
  const sources = 300;
  for (let i = 0; i < sources; i++) {
    const source = `203.0.${i >> 7}.${i & 127}`;
    traffic.probe("syn", "silent", ends(23, i * 10, source));
  }
  const records = judged(traffic, { probeRate: 20 });
  // In three seconds and a bit: each of four has 20.
  assert(records.length >= 60 && records.length <= 80, `${records.length}`);
  const { counters } = records.found!.detector;
  assertEquals(records.length + counters.unwrittenProbes, sources);
});

Deno.test("more than can wait for answers are counted", () => {
  const traffic = new Traffic();
  const sources = 20_000;
  for (let i = 0; i < sources; i++) {
    const source = `203.${i >> 14}.${(i >> 7) & 127}.${i & 127}`;
    traffic.probe("ack", "silent", ends(2000, i / 100, source));
  }
  const options = { probeRate: 1_000_000, sources: 65_536 };
  const records = judged(traffic, options);
  const { counters } = records.found!.detector;
  assertEquals(records.length, 16_384);
  assertEquals(counters.unwrittenProbes, sources - 16_384);
});

Deno.test("of a flood of 150,000 sources a second as many are written as may", () => {
  let written = 0;
  const detector = new Detector(() => {}, {
    ...{ random: seeded(1), local: LOCAL, logBurst: 0 },
    probes: () => written++,
  });
  const segment = Segment.from({
    ...{ source: "1.0.0.0", destination: US, sourcePort: 40_000 },
    ...{ destinationPort: 23, flags: TCP_SYN, time: START },
    direction: DIRECTION_IN,
  });
  const seconds = amount(2, 60);
  const packets = 150_000 * seconds;
  for (let i = 0; i < packets; i++) {
    segment.source3 = 0x0100_0000 + i * 7;
    segment.time = segment.wallTime = START + i / 150;
    detector.segment(segment);
  }
  detector.finish();
  // What comes last is judged in the second that follows.
  assert(written >= 1000 * seconds && written <= 1000 * (seconds + 1));
  assertEquals(detector.counters.unwrittenProbes, packets - written);
});

/** Random probes and connections of a few sources. */
function randomTraffic(seed: number, own: readonly string[]): Traffic {
  const random = seeded(seed);
  const traffic = new Traffic();
  const fates = ["refused", "silent", "open"] as const;
  for (let i = 0; i < 120; i++) {
    const scene = {
      source: `203.0.113.${1 + below(random, 6)}`,
      sourcePort: clientPort(random),
      host: pick(random, own),
      port: pick(random, [22, 80, 443, 1000, 8080, 40_000, 53]),
      time: moment(below(random, 20_000), i),
    };
    if (below(random, 3) === 0) traffic.connect(scene);
    else traffic.probe(pick(random, TECHNIQUES), pick(random, fates), scene);
  }
  return traffic;
}

Deno.test("handing probes on changes nothing that is reported", () => {
  for (let seed = 1; seed <= amount(60, 5000); seed++) {
    const { own, options } = SCENES[seed % SCENES.length];
    const traffic = randomTraffic(seed, own.slice(0, 4));
    const records: ProbeRecord[] = [];
    const probes = (record: ProbeRecord) => void records.push(record);
    const { lines } = watch(traffic, options);
    assertEquals(
      watch(traffic, { ...options, probes }).lines,
      lines,
      `${seed}`,
    );
    const targets = records.map((each) =>
      [each.source, each.destination, each.protocol, each.destinationPort]
        .join()
    );
    // A scan that has ended is remembered no more.
    if (lines.length > 0) continue;
    // A period may begin meanwhile.
    for (
      const [target, { length }] of Object.entries(
        Object.groupBy(targets, (target) => target) as Record<string, string[]>,
      )
    ) assert(length <= 2, `seed ${seed}: ${length} times ${target}`);
  }
});

/** A source that pauses, now and then for long, at hosts that may be anybody's. */
function pausingTraffic(seed: number): Traffic {
  const random = seeded(seed);
  const traffic = new Traffic();
  for (let i = 0, time = 0; i < 120; i++) {
    time += below(random, pick(random, [300, 300, 300, 5000, HOUR]));
    const host = `198.51.100.${1 + below(random, 3)}`;
    const port = 1 + below(random, 40);
    const fate = pick<Fate>(random, ["silent", "silent", "refused", "open"]);
    traffic.probe("syn", fate, { ...ends(port, time), host });
  }
  for (const { segment } of traffic.packets) {
    segment.direction = DIRECTION_UNKNOWN;
  }
  return traffic;
}

Deno.test("nor does it where nobody knows whose the hosts are, after long pauses", () => {
  let found = 0;
  for (let seed = 1; seed <= amount(100, 5000); seed++) {
    const traffic = pausingTraffic(seed);
    const { lines } = watch(traffic, {});
    const { found: handedOn } = judged(traffic, { local: undefined });
    assertEquals(handedOn?.lines, lines, `seed ${seed}`);
    found += lines.length;
  }
  assert(found > 0, "no scan in all of them");
});
