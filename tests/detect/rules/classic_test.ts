/**
 * The classic rule, sentence by sentence (design, "The classic rule"). Times
 * are milliseconds; ports of {@linkcode SEVEN} weigh 3 each.
 */

import { AddressSet } from "../../../mod.ts";
import {
  DIRECTION_IN,
  DIRECTION_OUT,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
} from "../../../library/packet.ts";
import { assertEquals } from "../../assert.ts";
import { portsFrom, SEVEN, START, Watch } from "../../watch.ts";

const SIX = SEVEN.slice(0, 6);
const LAST = SEVEN[6];

/** How many scans are told of these probes. */
function count(body: (watch: Watch) => void): number {
  const watch = new Watch();
  body(watch);
  return watch.scans.length;
}

Deno.test("seven privileged ports make a scan", () => {
  const watch = new Watch();
  watch.scan(SIX);
  assertEquals(watch.lines, []);
  watch.send({ destinationPort: LAST });
  assertEquals(watch.lines, [
    "192.0.2.1:40000 to 198.51.100.2 ports 21, 22, 23, 25, 53, 80, ..., " +
    "fSrpauxy, TOS 00, TTL 64 @06:40:13",
  ]);
  assertEquals(watch.scans[0], {
    type: "scan",
    rule: "classic",
    protocol: "tcp",
    verified: false,
    source: "192.0.2.1",
    sourcePort: 40_000,
    destination: "198.51.100.2",
    otherDestinations: false,
    ports: SIX,
    completingPort: LAST,
    flagsAlwaysSet: TCP_SYN,
    flagsEverSet: TCP_SYN,
    tos: 0,
    ttl: 64,
    firstSeen: START,
    completed: START,
  });
});

Deno.test("the key is the source address: two sources do not add up", () => {
  const watch = new Watch();
  watch.scan(SIX, { source: "192.0.2.1" });
  watch.scan([LAST, 7, 9], { source: "192.0.2.3" });
  assertEquals(watch.lines, []);
  assertEquals(watch.detector.sources, 2);
});

Deno.test("a first packet with ACK opens no entry", () => {
  const watch = new Watch();
  const acks = [TCP_ACK, TCP_ACK | TCP_SYN, TCP_ACK | TCP_RST, 0xff];
  for (const flags of acks) watch.send({ flags });
  assertEquals(watch.detector.sources, 0);
});

Deno.test("a bare RST opens an entry, and so does every packet without ACK", () => {
  for (
    const flags of [TCP_RST, 0, TCP_FIN, TCP_URG | TCP_PSH | TCP_FIN, 0xef]
  ) {
    const watch = new Watch();
    watch.send({ flags });
    assertEquals(watch.detector.sources, 1);
    // It counts as the first of seven ports.
    watch.scan(SEVEN.slice(1), { flags: TCP_SYN });
    assertEquals(watch.scans.length, 0, "port 22 is known already");
    watch.send({ destinationPort: SEVEN[0] });
    assertEquals(watch.scans.length, 1);
    assertEquals(watch.scans[0].ports[0], 22);
  }
});

Deno.test("a packet to a known port adds no weight", () => {
  assertEquals(
    count((watch) => {
      for (let i = 0; i < 100; i++) watch.scan(SIX);
    }),
    0,
  );
});

Deno.test("a packet to a known port updates the masks of the flags, even with ACK or RST", () => {
  const watch = new Watch();
  watch.scan(SIX);
  watch.send({ destinationPort: SIX[3], flags: TCP_ACK });
  watch.send({ destinationPort: SIX[3], flags: TCP_RST | TCP_SYN });
  watch.send({ destinationPort: LAST });
  assertEquals(
    [watch.scans[0].flagsAlwaysSet, watch.scans[0].flagsEverSet],
    [0, TCP_SYN | TCP_ACK | TCP_RST],
  );
});

Deno.test("a packet to a known port changes none of the masks of constancy", () => {
  const watch = new Watch();
  watch.scan(SIX);
  watch.send({
    destinationPort: SIX[2],
    destination: "198.51.100.77",
    sourcePort: 1,
    tos: 8,
    ttl: 3,
  });
  watch.send({ destinationPort: LAST });
  const { sourcePort, tos, ttl, otherDestinations } = watch.scans[0];
  assertEquals([sourcePort, tos, ttl, otherDestinations], [
    40_000,
    0,
    64,
    false,
  ]);
});

Deno.test("a packet to a known port does not renew the entry's time", () => {
  assertEquals(
    count((watch) => {
      watch.scan(SIX);
      watch.scan(SIX, { time: 2900 });
      watch.send({ destinationPort: LAST, time: 3001 });
    }),
    0,
  );
});

for (const flags of [TCP_ACK, TCP_RST, TCP_ACK | TCP_SYN, TCP_RST | TCP_FIN]) {
  Deno.test(`a packet to a new port is ignored if its flags are ${flags}`, () => {
    const watch = new Watch();
    watch.scan(SIX);
    watch.scan(portsFrom(1, 20), { flags, ttl: 1, tos: 1, sourcePort: 1 });
    assertEquals(watch.scans.length, 0, "it must add no weight");
    watch.send({ destinationPort: LAST });
    const { ports, sourcePort, tos, ttl, flagsEverSet } = watch.scans[0];
    assertEquals(
      { ports, sourcePort, tos, ttl, flagsEverSet },
      {
        ports: SIX,
        sourcePort: 40_000,
        tos: 0,
        ttl: 64,
        flagsEverSet: TCP_SYN,
      },
    );

    const late = new Watch();
    late.scan(SIX);
    late.send({ destinationPort: 7, flags, time: 2900 });
    late.send({ destinationPort: LAST, time: 3001 });
    assertEquals(late.scans.length, 0, "it must not renew the time");
  });
}

Deno.test("ports compare without destination", () => {
  assertEquals(
    count((watch) => {
      watch.scan(SIX);
      watch.scan(SIX, { destination: "198.51.100.3" });
    }),
    0,
  );
});

Deno.test("a counted packet renews the entry's time", () => {
  const watch = new Watch();
  watch.scan(SEVEN, {}, 3000); // 18 s in all
  assertEquals(watch.scans.length, 1);
  assertEquals(watch.scans[0].firstSeen, START);
  assertEquals(watch.scans[0].completed, START + 18_000);
});

const CHANGES: readonly [string, object, object][] = [
  ["destination", { destination: "198.51.100.3" }, { otherDestinations: true }],
  ["source port", { sourcePort: 40_001 }, { sourcePort: undefined }],
  ["TOS", { tos: 1 }, { tos: undefined }],
  ["TTL", { ttl: 63 }, { ttl: undefined }],
];

for (const [name, change, expected] of CHANGES) {
  const fields = (watch: Watch) => {
    const { otherDestinations, sourcePort, tos, ttl } = watch.scans[0];
    return { otherDestinations, sourcePort, tos, ttl };
  };
  const constant = {
    otherDestinations: false,
    sourcePort: 40_000 as number | undefined,
    tos: 0 as number | undefined,
    ttl: 64 as number | undefined,
  };
  Deno.test(`another ${name} in one counted packet shows, and nothing else`, () => {
    // Compared with the first packet: that it comes back later changes nothing.
    for (const position of [1, 3, 6]) {
      const watch = new Watch();
      for (const [i, destinationPort] of SEVEN.entries()) {
        watch.send({ destinationPort, ...(i === position ? change : {}) });
      }
      assertEquals(fields(watch), { ...constant, ...expected });
      assertEquals(watch.scans[0].destination, "198.51.100.2");
    }
  });
}

Deno.test("the completing packet's flags count too", () => {
  const watch = new Watch();
  watch.scan(SIX);
  watch.send({ destinationPort: LAST, flags: TCP_FIN });
  assertEquals(
    [watch.scans[0].flagsAlwaysSet, watch.scans[0].flagsEverSet],
    [0, TCP_SYN | TCP_FIN],
  );
});

Deno.test("a port below 1024 weighs 3, the others 1", () => {
  const completes = (ports: number[]) => count((w) => w.scan(ports)) === 1;
  assertEquals(completes(portsFrom(1024, 20)), false);
  assertEquals(completes(portsFrom(1024, 21)), true);
  assertEquals(completes(portsFrom(65_515, 21)), true);
  // 6 x 3 + 3 x 1
  assertEquals(completes([...SIX, 1024, 1025]), false);
  assertEquals(completes([...SIX, 1024, 1025, 65_535]), true);
  // 0 and 1023 are privileged, 1024 is not.
  assertEquals(completes([0, 1023, 1, 2, 3, 4, 5]), true);
  assertEquals(completes([1024, 1023, 1, 2, 3, 4, 5]), false);
});

Deno.test("a scan may weigh more than needed: the port that exceeds it completes it", () => {
  const watch = new Watch();
  watch.scan([...portsFrom(2000, 20), 22]);
  assertEquals(watch.scans[0].ports, portsFrom(2000, 20));
  assertEquals(watch.scans[0].completingPort, 22);
});

Deno.test("min-ports, privileged weight and high weight are what they say", () => {
  const needed = (options: object, first: number) => {
    const watch = new Watch(options);
    for (let n = 1; n <= 1024; n++) {
      watch.send({ destinationPort: first + n - 1 });
      if (watch.scans.length > 0) return n;
    }
    return undefined;
  };
  const weights = { minPorts: 4, privilegedWeight: 10, highWeight: 7 };
  assertEquals(needed(weights, 0), 4); // 4 x 10 = 40
  assertEquals(needed(weights, 5000), 6); // 6 x 7 = 42
  assertEquals(needed({ minPorts: 2 }, 0), 2);
  assertEquals(needed({ minPorts: 100 }, 0), 100);
  assertEquals(needed({ minPorts: 100 }, 5000), 300);
  assertEquals(needed({ minPorts: 2, privilegedWeight: 1 }, 5000), 2);
});

Deno.test("the list holds up to 20 ports, all but the one that completes the scan", () => {
  const watch = new Watch();
  const ports = portsFrom(5000, 21);
  watch.scan(ports);
  assertEquals(watch.scans[0].ports, ports.slice(0, 20));
  assertEquals(watch.scans[0].completingPort, 5020);
});

Deno.test("a longer list, too, holds all ports but the completing one", () => {
  const watch = new Watch({ minPorts: 100, privilegedWeight: 3 });
  const ports = portsFrom(5000, 300);
  watch.scan(ports);
  assertEquals(watch.scans[0].ports, ports.slice(0, 299));
});

Deno.test("a reported entry stays quiet while packets to other ports go on coming", () => {
  const watch = new Watch();
  watch.scan(SEVEN);
  watch.scan(portsFrom(1000, 500), { time: 3000 }, 3000); // 25 minutes
  assertEquals(watch.scans.length, 1);
});

Deno.test("a reported entry is renewed even by the port that completed it", () => {
  assertEquals(
    count((watch) => {
      watch.scan(SEVEN);
      watch.send({ destinationPort: LAST, time: 3000 });
      watch.scan(SEVEN, { time: 6000 });
    }),
    1,
  );
});

Deno.test("a reported entry is not renewed by ports in its list, nor by ACK or RST", () => {
  for (
    const probe of [{ destinationPort: 22 }, {
      destinationPort: 7,
      flags: TCP_RST,
    }]
  ) {
    assertEquals(
      count((watch) => {
        watch.scan(SEVEN);
        watch.send({ ...probe, time: 2000 });
        watch.scan(SEVEN, { time: 3001 });
      }),
      2,
    );
  }
});

Deno.test("after a pause of more than 3 s a scan is reported again", () => {
  const second = (time: number) =>
    count((watch) => {
      watch.scan(SEVEN);
      watch.scan(SEVEN, { time });
    });
  assertEquals(second(3000), 1);
  assertEquals(second(3001), 2);
});

Deno.test("an entry is outdated after more than 3 s, not after 3 s", () => {
  const completedAt = (time: number) =>
    count((watch) => {
      watch.scan(SIX);
      watch.send({ destinationPort: LAST, time });
    });
  assertEquals([2999, 3000, 3000.5, 3001].map(completedAt), [1, 1, 0, 0]);
});

Deno.test("an entry that lies in the future is outdated", () => {
  const watch = new Watch();
  watch.scan(SIX);
  watch.send({ destinationPort: LAST, time: -1 });
  assertEquals(watch.scans.length, 0);
  // That packet was a first one, and the scan starts there.
  watch.scan(SIX, { time: 0 });
  assertEquals(watch.scans[0].firstSeen, START - 1);
  assertEquals(watch.scans[0].ports[0], LAST);
});

Deno.test("any packet removes an outdated entry, with ACK it opens no other", () => {
  for (const probe of [{ destinationPort: 22 }, { destinationPort: 7 }]) {
    const watch = new Watch();
    watch.scan(SIX);
    watch.send({ ...probe, flags: TCP_ACK, time: 3001 });
    assertEquals(watch.detector.sources, 0);
  }
});

Deno.test("a packet that removes an outdated entry is treated as a first one", () => {
  const watch = new Watch();
  watch.scan(SIX, { ttl: 1, tos: 1, sourcePort: 1, flags: TCP_FIN });
  // A known port of the outdated entry; a bare RST opens an entry, too.
  watch.scan([22, 21, 23, 25, 53, 80], { flags: TCP_RST, time: 4000 }, 0);
  assertEquals(watch.scans.length, 0);
  watch.scan(SEVEN.slice(1), { time: 4000 });
  watch.send({ destinationPort: 21, time: 4000 });
  const { ports, firstSeen, ttl, tos, sourcePort } = watch.scans[0];
  assertEquals(
    { ports, firstSeen, ttl, tos, sourcePort },
    {
      ports: [22, 23, 25, 53, 80, 111],
      firstSeen: START + 4000,
      ttl: 64,
      tos: 0,
      sourcePort: 40_000,
    },
  );
});

Deno.test("@time is the entry's first packet in wall time, whatever the rules' clock", () => {
  const watch = new Watch();
  watch.scan(SEVEN, { time: 61_000 }, 2000);
  assertEquals(watch.lines[0].slice(-9), "@06:41:14");
});

Deno.test("the rules run on `time`, only the line on `wallTime`", async () => {
  const { Segment } = await import("../../../mod.ts");
  const watch = new Watch();
  for (const [i, destinationPort] of SEVEN.entries()) {
    const segment = Segment.from({
      source: "192.0.2.1",
      destination: "198.51.100.2",
      sourcePort: 1,
      destinationPort,
      flags: TCP_SYN,
      time: i * 1000, // since boot
    });
    // Somebody sets the clock, forward and back.
    segment.wallTime = START + (i === 0 ? 5000 : (i % 2) * 1e9);
    watch.detector.segment(segment);
  }
  assertEquals(watch.lines[0]?.slice(-9), "@06:40:18");
});

Deno.test("the flood limit: five scans, then one line, then silence, then again", () => {
  const watch = new Watch();
  for (let i = 1; i <= 8; i++) {
    watch.scan(SEVEN, { source: `203.0.113.${i}`, time: i * 100 });
  }
  assertEquals(watch.lines.map((line) => line.split(" ")[0]), [
    ...portsFrom(1, 5).map((i) => `203.0.113.${i}:40000`),
    "More",
  ]);
  assertEquals(watch.lines[5], "More possible port scans follow");
  assertEquals(watch.detector.counters.scans, 8);
  assertEquals(watch.detector.counters.suppressed, 3);

  // The sixth, at 0.6 s, was the last that counts.
  watch.scan(SEVEN, { source: "203.0.113.9", time: 20_600 });
  assertEquals(watch.reports.length, 6);
  watch.scan(SEVEN, { source: "203.0.113.10", time: 20_601 });
  assertEquals(watch.scans.at(-1)?.source, "203.0.113.10");
});

Deno.test("a suppressed scan stays quiet like a reported one", () => {
  const watch = new Watch({ logBurst: 1 });
  watch.scan(SEVEN, { source: "203.0.113.1" });
  watch.scan(SEVEN, { source: "203.0.113.2" });
  watch.scan(portsFrom(100, 100), { source: "203.0.113.2" });
  assertEquals(watch.detector.counters.scans, 2);
});

Deno.test("source 0.0.0.0 is ignored, and so is ::", () => {
  const watch = new Watch();
  watch.scan(SEVEN, { source: "0.0.0.0" });
  watch.scan(SEVEN, { source: "::", destination: "2001:db8::1" });
  assertEquals(watch.detector.sources, 0);
  // Their neighbours are not.
  watch.scan(SEVEN, { source: "0.0.0.1" });
  watch.scan(SEVEN, { source: "::1", destination: "2001:db8::1" });
  assertEquals(watch.scans.map(({ source }) => source), ["0.0.0.1", "::1"]);
});

Deno.test("sources to be ignored are not reported, and take no entry", () => {
  const watch = new Watch({
    ignore: AddressSet.from(["192.0.2.0/24", "2001:db8::/32"]),
  });
  watch.scan(SEVEN);
  watch.scan(SEVEN, { source: "2001:db8::9", destination: "2001:db8::1" });
  assertEquals(watch.detector.sources, 0);
  watch.scan(SEVEN, { source: "192.0.3.1" });
  assertEquals(watch.scans.length, 1);
});

Deno.test("what this host sends is no scan of it", () => {
  const watch = new Watch();
  watch.scan(SEVEN, { direction: DIRECTION_OUT });
  assertEquals(watch.detector.sources, 0);
  assertEquals(watch.detector.counters.outgoing, 7);
});

Deno.test("what a router forwards is no scan of it: incoming packets count for local addresses", () => {
  const local = AddressSet.from(["198.51.100.2"]);
  const watch = new Watch({ local });
  const elsewhere = { destination: "198.51.100.3" };
  watch.scan(SEVEN, { ...elsewhere, direction: DIRECTION_IN });
  assertEquals(watch.lines, []);
  assertEquals(watch.detector.counters.notLocal, 7);
  watch.scan(SEVEN, { direction: DIRECTION_IN });
  assertEquals(watch.scans.length, 1);

  // The set may change while the detector runs.
  local.assign(AddressSet.from(["198.51.100.3"]));
  watch.scan(SEVEN, { ...elsewhere, direction: DIRECTION_IN, time: 4000 });
  assertEquals(watch.scans.length, 2);
});

Deno.test("packets of unknown direction, like promiscuously captured ones, count for local addresses too", () => {
  const watch = new Watch({ local: AddressSet.from(["10.0.0.1"]) });
  watch.scan(SEVEN);
  assertEquals(watch.detector.counters.notLocal, 7);
  assertEquals(watch.scans.length, 0);
});

Deno.test("without local addresses, packets count wherever they go", () => {
  const watch = new Watch();
  watch.scan(SEVEN);
  assertEquals(watch.scans.length, 1);
});
