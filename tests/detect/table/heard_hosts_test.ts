/** The hosts of a fleet: who belongs to it, and until when. */

import fc from "fast-check";
import { spread } from "../../../detect/hash.ts";
import { HeardHosts, MOST_HOSTS } from "../../../detect/table/heard_hosts.ts";
import { assert, assertEquals } from "../../assert.ts";

const DAY = 86_400;

/** Each of some hosts is heard of so often. */
function hear(
  heard: HeardHosts,
  first: number,
  end: number,
  time: number,
  times = 10,
): void {
  for (let i = 0; i < times; i++) {
    for (let host = first; host < end; host++) heard.hear(spread(host), time);
  }
}

Deno.test("a host is one, however often it is heard of", () => {
  fc.assert(fc.property(fc.array(fc.nat(200)), (hosts) => {
    const heard = new HeardHosts(DAY);
    for (const host of hosts) assert(heard.hear(spread(host), 1));
    assertEquals(heard.count, new Set(hosts).size);
  }));
});

Deno.test("who is silent for longer than the others is forgotten", () => {
  const heard = new HeardHosts(DAY);
  hear(heard, 0, 100, DAY);
  hear(heard, 0, 60, 2 * DAY - 1);
  assertEquals(heard.count, 100);
  hear(heard, 0, 60, 2 * DAY + 1);
  assertEquals(heard.count, 60);
});

Deno.test("few hosts that are ahead of the others do not make these old", () => {
  const heard = new HeardHosts(DAY);
  hear(heard, 0, 100, DAY);
  hear(heard, 0, 24, 5 * DAY);
  assertEquals(heard.count, 100);
  // The others count from the time that the fleet has, not from their own.
  hear(heard, 24, 30, 5 * DAY, 100);
  hear(heard, 30, 40, 2 * DAY);
  hear(heard, 0, 30, 6 * DAY - 1);
  assertEquals(heard.count, 40);
});

Deno.test("the larger the fleet, the smaller the part that is looked at", () => {
  for (const hosts of [1000, 5000, 100_000]) {
    const heard = new HeardHosts(DAY);
    hear(heard, 0, hosts, 1, 1);
    assert(heard.count <= MOST_HOSTS);
    const all = heard.inAll(heard.count);
    assert(Math.abs(all - hosts) < hosts / 8, `${all} of ${hosts}`);
    let looked = 0;
    for (let i = 0; i < hosts; i++) if (heard.isLookedAt(spread(i))) looked++;
    assertEquals(looked, heard.count);
  }
});
