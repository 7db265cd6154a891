/**
 * Twenty hosts and a centre as packaging/fleet/ sets them up, each part of which
 * is killed in turn.
 */

import { formatProbe } from "../../format/probe.ts";
import { assertEquals } from "../assert.ts";
import { Folder } from "./daemon.ts";
import { addressOf, Fleet, type Part } from "./fleet.ts";
import { eventually, pause } from "./processes.ts";
import { liveTest } from "./require.ts";

const HOSTS = 20;
const PLUGINS = "/usr/lib/x86_64-linux-gnu/rsyslog";
const NEEDS = {
  root: true,
  tools: ["ip", "masscan", "openssl", "redis-server", "rsyslogd", "setsid"],
  files: ["omrelp.so", "omhiredis.so", "fmhash.so"].map((name) =>
    `${PLUGINS}/${name}`
  ),
};

/** Probes of a source arrive, of so many hosts. */
async function arrive(
  fleet: Fleet,
  source: string,
  hosts: number,
): Promise<void> {
  let arrived = new Set<string>();
  const end = performance.now() + 60_000;
  while (arrived.size < hosts && performance.now() < end) {
    arrived = await fleet.arrived(source);
    await pause(200);
  }
  assertEquals(arrived.size, hosts, `${source}: ${[...arrived].join(" ")}`);
}

/** A source sweeps the fleet; all hosts' probes arrive, and it is named once. */
async function check(
  fleet: Fleet,
  source: string,
  hosts: number = HOSTS,
): Promise<void> {
  await arrive(fleet, source, hosts);
  await eventually(
    () => fleet.naming(source).length > 0,
    () => `a line that names ${source}:\n${fleet.lines.join("\n")}`,
  );
}

liveTest(
  "a fleet names who touches one port of each host, whatever is killed meanwhile",
  NEEDS,
  async (t) => {
    await using folder = await Folder.create();
    await using fleet = await Fleet.create(folder, HOSTS);
    const swept: string[] = [];
    let port = 2222;
    const sweep = async (source: number) => {
      const address = await fleet.sweep(source, port++);
      swept.push(address);
      return address;
    };
    await t.step("a sweep of one port is one line at the centre", async () => {
      const address = await fleet.masscan(22);
      swept.push(address);
      await check(fleet, address);
    });
    const killed = (name: string, source: number, parts: readonly Part[]) =>
      t.step(
        `${name}: what comes while it is dead is late, not lost`,
        async () => {
          for (const part of parts) await part.kill();
          const address = await sweep(source);
          for (const part of parts) await part.start();
          // RELP sends again with the next record what was not acknowledged.
          await check(fleet, await sweep(source + 100));
          await check(fleet, address);
        },
      );
    await killed("the forwarder of a host", 20, [fleet.forwarders[3]]);
    await killed("all forwarders", 21, fleet.forwarders);
    await killed("the centre's rsyslogd", 22, [fleet.centre]);
    await killed("Redis", 23, [fleet.redis]);
    await killed("the readers", 24, fleet.readers);
    await t.step(
      "a host's daemon: the others go on, and so does it",
      async () => {
        const [, , , , daemon] = fleet.daemons;
        await daemon.kill();
        await check(fleet, await sweep(30), HOSTS - 1);
        await daemon.start();
        await check(fleet, await sweep(31));
      },
    );
    await t.step("a host that invents others remains one", async () => {
      const [innocent, last] = ["192.0.2.66", "192.0.2.67"];
      const records = Array.from({ length: HOSTS }, (_, i) =>
        formatProbe({
          ...{ time: Date.now(), source: innocent, destination: addressOf(i) },
          ...{ destinationPort: 22, protocol: "tcp", flags: 2 },
          outcome: "silent",
        }, `web${i}`));
      const renamed = records.map((line, i) =>
        line.replace(/}$/, `,"h\\u006fst":"web${i}","host":"web${i}"}`)
      );
      const end = records[0].replace(innocent, last);
      await fleet.invent(7, [...records, ...renamed, end]);
      await arrive(fleet, last, 1);
      const hosts = await fleet.arrived(innocent);
      assertEquals([...hosts], [addressOf(7)]);
      assertEquals(fleet.naming(innocent), []);
    });
    await t.step("nobody was named twice", () => {
      for (const source of swept) {
        assertEquals(fleet.naming(source).length, 1, source);
      }
    });
  },
);
