/** The hosts of a fleet: who belongs to it, and until when. */

import fc from "fast-check";
import { spread } from "../../../detect/hash.ts";
import {
  HeardHosts,
  MOST_HOSTS,
  SET_MASK,
} from "../../../detect/table/heard_hosts.ts";
import { assert, assertEquals } from "../../assert.ts";
import { below, seeded } from "../../random.ts";

const DAY = 86_400;
const SET = 1;

function hash(host: number): number {
  return (spread(host) & ~SET_MASK) | SET;
}

function all(heard: HeardHosts): number {
  return heard.size(4);
}

/** Each of some hosts is heard of so often. */
function hear(
  heard: HeardHosts,
  first: number,
  end: number,
  time: number,
  times = 10,
): void {
  for (let i = 0; i < times; i++) {
    for (let host = first; host < end; host++) heard.hear(hash(host), time, 4);
  }
}

Deno.test("a host is one, however often it is heard of", () => {
  fc.assert(fc.property(fc.array(fc.nat(200)), (hosts) => {
    const heard = new HeardHosts(SET, DAY);
    for (const host of hosts) assert(heard.hear(hash(host), 1, 4));
    assertEquals(all(heard), new Set(hosts).size);
  }));
});

Deno.test("who is silent for longer than the others is forgotten", () => {
  const heard = new HeardHosts(SET, DAY);
  hear(heard, 0, 100, DAY);
  hear(heard, 0, 60, 2 * DAY - 1);
  assertEquals(all(heard), 100);
  hear(heard, 0, 60, 2 * DAY + 1);
  assertEquals(all(heard), 60);
});

Deno.test("few hosts that are ahead of the others do not make these old", () => {
  const heard = new HeardHosts(SET, DAY);
  hear(heard, 0, 100, DAY);
  hear(heard, 0, 24, 3 * DAY - 1);
  assertEquals(all(heard), 100);
  // The others count from the time that the fleet has, not from their own.
  hear(heard, 24, 30, 3 * DAY, 100);
  hear(heard, 30, 40, 2 * DAY);
  hear(heard, 0, 30, 4 * DAY - 1);
  assertEquals(all(heard), 40);
});

Deno.test("while hosts send what they have kept, nobody is forgotten", () => {
  const heard = new HeardHosts(SET, DAY);
  hear(heard, 0, 100, DAY);
  for (let host = 0; host < 60; host++) {
    for (let hour = 24; hour < 24 * 5; hour += 0.1) {
      heard.hear(hash(host), hour * 3600, 4);
    }
    assertEquals(all(heard), 100);
  }
  // None has returned for a while.
  for (let hour = 24 * 5; hour < 24 * 6; hour += 0.5) {
    hear(heard, 0, 60, hour * 3600);
  }
  assertEquals(all(heard), 60);
});

Deno.test("nor if one had returned shortly before all were cut off", () => {
  const heard = new HeardHosts(SET, DAY);
  const before = DAY - 4 * 3600;
  hear(heard, 0, 100, before, 1);
  hear(heard, 0, 99, DAY, 1);
  hear(heard, 99, 100, before, 1);
  hear(heard, 0, 4, 5 * DAY, 1);
  for (let host = 4; host < 60; host++) {
    for (let hour = 24; hour <= 24 * 5; hour += 0.1) {
      heard.hear(hash(host), hour * 3600, 4);
    }
    assertEquals(all(heard), 100, `${host} hosts`);
  }
});

Deno.test("one host that returns again and again keeps nobody", () => {
  for (const daily of [1, 24]) {
    const heard = new HeardHosts(SET, DAY);
    hear(heard, 0, 100, DAY);
    for (let i = 0; i < 40 * daily * 3; i++) {
      const time = DAY + i * DAY / (40 * daily);
      heard.hear(hash(i % 40), time, 4);
      // It is silent for more than three hours each time.
      if (i % Math.ceil(6 * daily) === 0) heard.hear(hash(99), DAY, 4);
    }
    assertEquals(all(heard), 41, `${daily} records a day`);
  }
});

Deno.test("hosts that return in turn keep nobody for longer than a further day", () => {
  const heard = new HeardHosts(SET, DAY);
  const hour = DAY / 24;
  hear(heard, 0, 200, 0);
  // Each hour another one of 48 is back, with what it has kept.
  for (let now = 0; now <= 3 * DAY; now += hour / 2) {
    const back = now / hour % 48;
    if (back % 1 === 0) hear(heard, back, back + 1, now - 4 * hour);
    hear(heard, 48, 100, now);
  }
  assert(all(heard) <= 100, `${all(heard)} hosts`);
});

Deno.test("a clock that is far ahead changes nothing", () => {
  const heard = new HeardHosts(SET, DAY);
  hear(heard, 0, 100, DAY);
  for (let hour = 24; hour < 24 * 4; hour++) {
    hear(heard, 40, 41, 400 * DAY + hour);
    hear(heard, 0, 40, hour * 3600);
    if (hour < 48) assertEquals(all(heard), 100);
  }
  assertEquals(all(heard), 41);
});

Deno.test("most of the hosts may leave at once", () => {
  for (const names of [99, 20_000, 2_000_000]) {
    const heard = new HeardHosts(SET, DAY);
    hear(heard, 0, 1, DAY);
    hear(heard, 100, 100 + names, DAY, 1);
    let day = 1;
    for (; day < 3.1; day += 1 / 24) hear(heard, 0, 40, day * DAY, 1);
    const size = all(heard);
    assertEquals(heard.inAll(1), 1, `${names} names`);
    assert(size >= 40 && size < 44, `${size} after ${names} names`);
    for (; day < 4.2; day += 1 / 24) hear(heard, 0, 40, day * DAY, 1);
    assertEquals(all(heard), 40);
  }
});

Deno.test("a fleet that shrinks is never taken for a smaller one", () => {
  for (const hosts of [60, 300, 1000, 3000]) {
    const heard = new HeardHosts(SET, DAY);
    hear(heard, 0, 30_000, 0, 1);
    const random = seeded(hosts);
    // Each host is heard of about once a day.
    for (let i = 0; i < 6 * hosts; i++) {
      heard.hear(hash(below(random, hosts)), i / hosts * DAY, 4);
      const guess = heard.inAll(all(heard));
      // One in e is not heard of in a day.
      const least = hosts * Math.min(1, 0.55 + (i < hosts ? 0.45 : 0));
      assert(guess >= least * 0.8, `${guess} of ${hosts} after ${i} records`);
    }
    const guess = heard.inAll(all(heard));
    assert(guess <= hosts * 1.15, `${guess} of ${hosts}`);
  }
});

Deno.test("who was not probed over a version of IP may yet have it", () => {
  const heard = new HeardHosts(SET, DAY);
  hear(heard, 0, 800, DAY, 1);
  for (let host = 0; host < 7; host++) heard.hear(hash(host), DAY, 6);
  assertEquals([heard.size(4), heard.size(6)], [800, 100]);
  for (let host = 0; host < 300; host++) heard.hear(hash(host), DAY, 6);
  assertEquals([heard.size(4), heard.size(6)], [800, 300]);
  // Once known, it is not forgotten while the host is there.
  hear(heard, 0, 800, 1.5 * DAY, 1);
  hear(heard, 0, 800, 2.5 * DAY, 1);
  assertEquals(heard.size(6), 300);
});

Deno.test("the larger the fleet, the smaller the part that is looked at", () => {
  for (const hosts of [1000, 5000, 100_000]) {
    const heard = new HeardHosts(SET, DAY);
    hear(heard, 0, hosts, 1, 1);
    assert(all(heard) <= MOST_HOSTS);
    const guess = heard.inAll(all(heard));
    assert(Math.abs(guess - hosts) < hosts / 8, `${guess} of ${hosts}`);
    let looked = 0;
    for (let i = 0; i < hosts; i++) if (heard.isLookedAt(hash(i))) looked++;
    assertEquals(looked, all(heard));
  }
});
