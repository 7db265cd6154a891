import {
  hasPatterns,
  InterfacePatterns,
  WatchedInterfaces,
} from "../../capture/interface_patterns.ts";
import { assert, assertEquals } from "../assert.ts";

const CASES: [texts: string[], matches: string[], others: string[]][] = [
  [["eth0"], ["eth0"], ["eth01", "xeth0", "ETH0"]],
  [["br-*"], ["br-", "br-a1b2"], ["br0", "xbr-1"]],
  [["eth?"], ["eth0", "ethx"], ["eth", "eth10"]],
  [["br-*", "!docker0"], ["br-1"], ["docker0", "eth0"]],
  [["!docker0", "!veth*"], ["eth0", "lo"], ["docker0", "veth12"]],
  [["*", "!*"], [], ["eth0"]],
  [["a.b+c[d]"], ["a.b+c[d]"], ["axb+c[d]", "a.bbc[d]", "a.b+cd"]],
];

for (const [texts, matches, others] of CASES) {
  Deno.test(`${texts.join(", ")} matches what it says`, () => {
    const patterns = new InterfacePatterns(texts);
    for (const name of matches) assert(patterns.matches(name), name);
    for (const name of others) assert(!patterns.matches(name), name);
  });
}

Deno.test("a name is no pattern", () => {
  assertEquals(hasPatterns(["eth0", "wlan-1.2"]), false);
  for (const text of ["eth*", "eth?", "!eth0"]) {
    assert(hasPatterns(["lo", text]), text);
  }
});

Deno.test("an interface is decided on once, and again by another name", () => {
  let asked = 0;
  const links: [string, number][] = [["br-1", 7], ["eth0", 8]];
  const watched = new WatchedInterfaces(new InterfacePatterns(["br-*"]), () => {
    asked++;
    return links;
  });
  assert(watched.has(7));
  for (let i = 0; i < 10; i++) assert(!watched.has(8));
  assertEquals(asked, 1);
  watched.decide("br-2", 8);
  assert(watched.has(8));
  // One that is gone before its name was known is passed over, and not asked
  // for again.
  for (let i = 0; i < 10; i++) assert(!watched.has(9));
  assertEquals(asked, 2);
});

Deno.test("interfaces that come and go for years take no memory", () => {
  let index = 1;
  const watched = new WatchedInterfaces(
    new InterfacePatterns(["br-*"]),
    () => [[`br-${index}`, index], ["lo", 0x7fff_ffff]],
  );
  for (; index < 100_000; index++) {
    assert(watched.has(index), `${index}`);
    assert(index < 2 || watched.has(index - 1), `${index - 1}`);
    assert(!watched.has(0x7fff_ffff));
  }
});
