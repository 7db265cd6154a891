/**
 * The fleet is its hosts, not their addresses: no host counts for more than one,
 * whatever it sends and whenever.
 */

import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { amount } from "../long.ts";
import { below, seeded, shuffled } from "../random.ts";
import { hostAddress, SWEEPER } from "./crowd.ts";
import { addressOf, known, named, other, type Probe } from "./named.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const HOSTS = 100;

/** One source probes all hosts, one in so many milliseconds. */
function* sweep(time: number, gap: number, hosts = HOSTS): Generator<Probe> {
  for (let i = 0; i < hosts; i++) {
    yield { time: time + i * gap, source: SWEEPER, host: `web${i}` };
  }
}

/** One host names as many addresses as it likes. */
function* invented(host: string, count: number): Generator<Probe> {
  for (let i = 0; i < count; i++) {
    const destination = `203.0.113.${i}`;
    yield { time: 500, source: other(i), host, destination };
  }
}

Deno.test("a host that invents addresses hides no scan of an hour", () => {
  const found = named([...known(), ...invented("web3", 101), ...sweep(1e3, 1)]);
  assertEquals(found, { [SWEEPER]: 50 });
});

Deno.test("nor one of a day", () => {
  const gap = 70 * MINUTE; // nineteen hosts in 21 hours
  const found = named([
    ...known(0, 20),
    ...invented("web3", 5),
    ...sweep(1e3, gap, 19),
  ]);
  assertEquals(found, { [SWEEPER]: 17 });
});

Deno.test("addresses that a host watches are no hosts", () => {
  // An outsider probes the unused addresses of a home network.
  const dark: Probe[] = Array.from({ length: 250 }, (_, i) => ({
    ...{ time: 500 + i, source: "192.0.2.99", host: "web3" },
    destination: `10.0.0.${i}`,
  }));
  const found = named([...known(), ...dark, ...sweep(1e3, 1)]);
  assertEquals(found, { [SWEEPER]: 50 });
});

Deno.test("a host with several addresses is one that was touched", () => {
  const probes: Probe[] = Array.from({ length: 40 }, (_, i) => ({
    ...{ time: i, source: "2001:db8:bad::1", host: "web1" },
    destination: `2001:db8::${i}`,
  }));
  assertEquals(named(probes), {});
  const more = ["web2", "web3", "web4", "web5", "web6", "web7"].map((
    host,
    i,
  ) => ({ ...probes[0], time: 100 + i, host }));
  assertEquals(named([...probes, ...more]), { "2001:db8:bad::1": 7 });
});

Deno.test("a probed address stands for a host that has no name", () => {
  const nameless = [...known(), ...sweep(1e3, 1)].map((probe) => ({
    ...probe,
    ...{ host: undefined, destination: addressOf(probe.host ?? "") },
  }));
  assertEquals(named(nameless), { [SWEEPER]: 50 });
  // That is no name, so it is no further host either.
  assertEquals(named(nameless.map((each) => ({ ...each, host: "" }))), {});
});

/** What stands for a host that has no name. */
function namelessProbe(time: number, source: string, i: number): Probe {
  const destination = addressOf(`web${10_000 + i}`);
  return { time, source, host: undefined, destination };
}

/** A thousand addresses, each probed by somebody else. */
const ADDRESSES = Array.from(
  { length: 1000 },
  (_, i) => namelessProbe(2000 + i, other(i), i),
);

Deno.test("who probes many addresses hides no scan of a few hosts", () => {
  const found = named([
    ...known(0, 10),
    ...ADDRESSES,
    ...ADDRESSES.slice(0, 300).map((_, i) =>
      namelessProbe(4000 + i, SWEEPER, i)
    ),
    ...sweep(6000, 1, 10),
  ]);
  assertEquals(found, { [SWEEPER]: 7 });
});

Deno.test("nor one of many", () => {
  const hosts = 1000;
  const both = [...sweep(5000, 1, hosts)].flatMap((probe, i) => [
    probe,
    namelessProbe(probe.time, SWEEPER, (2 * i) % 490),
    namelessProbe(probe.time, SWEEPER, (2 * i + 1) % 490),
  ]);
  const found = named([...known(0, hosts), ...ADDRESSES, ...both]);
  assertEquals(found, { [SWEEPER]: hosts / 2 });
});

Deno.test("of a large fleet JSON has all hosts, not those that are looked at", () => {
  const hosts = 5000;
  const probes = [...known(0, hosts), ...sweep(1e4, 1, hosts)];
  const { [SWEEPER]: count } = named(probes);
  assert(Math.abs(count - hosts / 2) < hosts / 20, `${count} hosts`);
});

Deno.test("who went slowly at first is found once he hurries", () => {
  // Each host once in two days, and then all within minutes.
  const slow = [...sweep(1e3, 30 * MINUTE)];
  const others = [0, 1, 2].flatMap((day) => [...known(day * DAY)]);
  const fast = [...sweep(2.5 * DAY, 1e3)];
  const inOrder = [...others, ...slow].toSorted((a, b) => a.time - b.time);
  assertEquals(named(inOrder), {});
  const found = named([...inOrder, ...fast]);
  assert(found[SWEEPER] >= 50, `${found[SWEEPER]} hosts`);
});

// After an outage.

/** Each host in turn sends what it has kept. */
function oneByOne(probes: Iterable<Probe>): Probe[] {
  const all = Map.groupBy(probes, ({ host }) => host);
  return shuffled(seeded(1), [...all.values()]).flat();
}

/** Twenty sources that probe some hosts over three days, none all at once. */
function* busy(hosts: number): Generator<Probe> {
  const random = seeded(2);
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 2 * hosts; j++) {
      const host = `web${below(random, HOSTS)}`;
      const time = DAY + below(random, 3 * DAY);
      yield { time, source: `192.0.${i}.1`, host, port: 22 + i };
    }
  }
}

Deno.test("what hosts have kept for days counts as of those days", () => {
  const inOrder = [...busy(60)].toSorted((a, b) => a.time - b.time);
  assertEquals(named([...known(), ...inOrder]), {});
  assertEquals(named([...known(), ...oneByOne(inOrder)]), {});
});

Deno.test("the hosts that send first are not all that there are", () => {
  // Whoever has probed nine of these ten has probed nine of a hundred.
  const nine: Probe[] = Array.from({ length: 9 }, (_, i) => ({
    ...{ time: 3 * DAY + i * MINUTE, source: SWEEPER, host: `web${i}` },
  }));
  const kept = [...busy(60), ...nine].filter(({ host }) =>
    Number(host?.replace("web", "")) < 10
  ).toSorted((a, b) => a.time - b.time);
  assertEquals(named([...known(), ...oneByOne(kept)]), {});
});

Deno.test("a scan during an outage is found in what comes late", () => {
  const scan = [...sweep(2 * DAY, 30_000)];
  const probes = [...busy(30), ...scan].toSorted((a, b) => a.time - b.time);
  for (const late of [probes, oneByOne(probes)]) {
    const found = named([...known(), ...late]);
    assertEquals(Object.keys(found), [SWEEPER]);
    assert(found[SWEEPER] >= 50, `${found[SWEEPER]} hosts`);
  }
});

Deno.test("one host whose clock is ahead hides nothing of what comes late", () => {
  const scan = oneByOne(sweep(2 * DAY, 30_000));
  const ahead = (i: number): Probe => ({
    ...{ time: 4 * DAY + i, source: SWEEPER, host: "odd" },
  });
  const probes = scan.flatMap((probe, i) => [ahead(i), probe]);
  const found = named([...known(), ...probes]);
  assertEquals(Object.keys(found), [SWEEPER]);
});

Deno.test("clocks that differ by minutes change nothing", () => {
  const random = seeded(3);
  const ahead = Array.from({ length: HOSTS }, () => below(random, 10 * MINUTE));
  const probes = [...known(), ...sweep(HOUR, 20_000)].map((probe, i) => ({
    ...probe,
    time: probe.time + ahead[i % HOSTS],
  }));
  const twice = probes.flatMap((probe) => [probe, probe]);
  for (const each of [probes, twice]) {
    const found = named(each);
    assertEquals(Object.keys(found), [SWEEPER]);
  }
});

Deno.test("what is read a second time names nobody again", () => {
  const scan = [...sweep(HOUR, 10_000)];
  const later = scan.map((probe) => ({ ...probe, time: probe.time + DAY }));
  // He has come back, for a moment or to all hosts.
  for (const [rest, times] of [[later.slice(0, 3), 1], [later, 2]] as const) {
    const once = [...known(), ...scan, ...rest];
    const again = named([...once, ...once, ...once], {}, times);
    assertEquals(Object.keys(again), [SWEEPER]);
  }
});

// What one host can do.

Deno.test("one host alone gets nobody reported", () => {
  const lies: Probe[] = Array.from({ length: 2000 }, (_, i) => ({
    ...{ time: 500 + i, source: SWEEPER, host: "web3", port: i },
    destination: hostAddress(i % HOSTS),
  }));
  assertEquals(named([...known(), ...lies]), {});
});

/** One host invents sources, with several ports each. */
function* lies(time: number, count: number): Generator<Probe> {
  for (let i = 0; i < count; i++) {
    const source = other(10_000 + (time % 10_000) + Math.floor(i / 4));
    yield { time: time + i, source, host: "web50", port: i % 4 };
  }
}

Deno.test("the sources that one host invents push out no others", () => {
  // Neither one that several hosts know, nor one that waits for its second host.
  const [first, ...others] = [...sweep(1e3, 5000, 7)];
  for (const early of [[first], [first, ...others.slice(0, 5)]]) {
    const last = early[early.length - 1].time;
    const rest = [...sweep(1e3, 5000, 7)].slice(early.length)
      .map((probe) => ({ ...probe, time: probe.time + 30e3 }));
    const probes = [...early, ...lies(last + 1, 20_000), ...rest];
    assertEquals(named(probes, { sources: 128 }), { [SWEEPER]: 7 });
  }
});

Deno.test("whatever one host sends, it hides nobody and accuses nobody", () => {
  const lie = fc.record({
    after: fc.nat(DAY),
    age: fc.oneof(fc.constant(0), fc.nat(2 * DAY), fc.constant(-10_000)),
    source: fc.oneof(
      fc.constant(SWEEPER),
      fc.nat(255).map((i) => `203.0.113.${i}`),
    ),
    port: fc.nat(65_535),
  });
  fc.assert(
    fc.property(fc.array(lie, { maxLength: 300 }), fc.nat(3), (lies, kind) => {
      const isSlow = kind % 2 > 0;
      const gap = isSlow ? HOUR : 2 * MINUTE;
      const scan = [...sweep(HOUR, gap, 19)].map((probe, i) => ({
        ...probe,
        ...kind > 1 && { source: `203.0.113.${i}` },
      }));
      const told = lies.map(({ after, age, ...rest }) => ({
        ...{ ...rest, host: "web19", sent: after, time: after - age },
      }));
      const all = (hosts: number) =>
        [...known(0, 20), ...scan.slice(0, hosts), ...told]
          .map((probe) => ({ sent: probe.time, ...probe }))
          .toSorted((a, b) => a.sent - b.sent);
      assertEquals(Object.keys(named(all(19))).length, 1, "hidden");
      // The liar's would be one more, and one too few.
      const enough = isSlow ? 17 : 10;
      assertEquals(named(all(enough - 2)), {}, "accused");
    }),
    { numRuns: amount(25, 2000) },
  );
});
