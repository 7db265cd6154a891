/** Fleets that grow and shrink, and hosts that are seldom heard of. */

import { assert, assertEquals } from "../assert.ts";
import { below, type Random, seeded } from "../random.ts";
import { SWEEPER } from "./crowd.ts";
import { addressOf, known, named, other, type Probe } from "./named.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function inOrder(...parts: Iterable<Probe>[]): Probe[] {
  return parts.flatMap((part) => [...part]).sort((a, b) => a.time - b.time);
}

/** Each host is probed so often a day, at random times, each time by another. */
function* background(
  random: Random,
  hosts: readonly string[],
  days: readonly [from: number, to: number],
  daily: number,
): Generator<Probe> {
  for (const host of hosts) {
    for (let i = 0; i < daily * (days[1] - days[0]); i++) {
      const time = days[0] * DAY + below(random, (days[1] - days[0]) * DAY);
      yield { time, source: other(below(random, 40_000)), host };
    }
  }
}

function names(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, i) => `web${first + i}`);
}

/** One source probes hosts, one in so many milliseconds. */
function sweep(hosts: readonly string[], time: number, gap: number): Probe[] {
  return hosts.map((host, i) => ({
    ...{ time: time + i * gap, source: SWEEPER, host },
  }));
}

Deno.test("names that come once blind nobody for longer than three days", () => {
  const random = seeded(1);
  const fleet = names(0, 100);
  const burst = Array.from({ length: 20_000 }, (_, i): Probe => ({
    ...{ time: DAY + i * 100, source: other(i), host: `job${i}` },
    destination: "198.18.99.1",
  }));
  const others = [...background(random, fleet, [0, 5], 10), ...burst];
  assertEquals(named(inOrder(others)), {});
  const found = named(inOrder(others, sweep(fleet, 4 * DAY, 10_000)));
  assertEquals(Object.keys(found), [SWEEPER]);
  assert(found[SWEEPER] >= 50, `${found[SWEEPER]} hosts`);
});

Deno.test("addresses without a host's name are a fleet of their own", () => {
  const random = seeded(2);
  const fleet = names(0, 100);
  // A host that does not tell its name watches a network of IPv6.
  const nameless = Array.from({ length: 20_000 }, (_, i): Probe => ({
    ...{ time: HOUR + i * 10, source: "2001:db8:1::1", host: undefined },
    destination: `2001:db8:2::${below(random, 65_536).toString(16)}:${i % 9}`,
  }));
  const nameless4 = Array.from({ length: 2000 }, (_, i): Probe => ({
    ...{ time: HOUR + i * 10, source: "192.0.2.1", host: undefined },
    destination: `10.0.${i >> 8}.${i & 255}`,
  }));
  const others = [...known(), ...nameless, ...nameless4];
  const found = named(inOrder(others, sweep(fleet, 2 * HOUR, 10_000)));
  assertEquals(found[SWEEPER], 50);
});

Deno.test("hosts that are gone count for a day and a bit, however seldom the others are probed", () => {
  const all = names(0, 1000);
  const left = names(0, 400);
  const others = [
    ...background(seeded(3), all, [0, 1], 1),
    ...background(seeded(4), left, [1, 4], 1),
  ];
  for (const day of [2.1, 2.5, 3]) {
    const found = named(inOrder(others, sweep(left, day * DAY, 1000)));
    assertEquals(Object.keys(found), [SWEEPER], `day ${day}`);
    // One in e of them was not heard of for a day.
    assert(found[SWEEPER] >= 120, `${found[SWEEPER]} hosts on day ${day}`);
  }
});

/** The same over IPv6. */
function overIpv6(probes: readonly Probe[]): Probe[] {
  return probes.map((probe) => ({
    ...probe,
    source: "2001:db8:77::1",
    destination: `2001:db8:1::${addressOf(probe.host ?? "").slice(7)}`
      .replace(".", ":"),
  }));
}

Deno.test("few hosts that are probed over IPv6 are not most of a fleet", () => {
  const fleet = names(0, 1000);
  const others = [...known(0, 1000)];
  const some = overIpv6(sweep(names(0, 60), HOUR, 1000));
  assertEquals(named([...others, ...some]), {});
  const all = overIpv6(sweep(fleet, HOUR, 1000));
  assertEquals(Object.keys(named([...others, ...all])).length, 1);
  // A hundred hosts have both, as others have found out.
  const both = Array.from({ length: 100 }, (_, i): Probe => ({
    ...{ time: 10_000 + i, source: `2001:db8:${100 + i}::1`, host: `web${i}` },
    destination: `2001:db8:1::${i}`,
  }));
  const found = named([
    ...others,
    ...both,
    ...overIpv6(sweep(names(0, 100), HOUR, 1000)),
  ]);
  assertEquals(Object.keys(found).length, 1);
});
