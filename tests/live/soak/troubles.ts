/**
 * What a daemon has to live with, each with the scans that it must not miss.
 *
 * @module
 */

import { assertEquals } from "../../assert.ts";
import { seeded } from "../../random.ts";
import { connect } from "../namespaces.ts";
import { pause } from "../processes.ts";
import { stepClock } from "./clock.ts";
import { flood, type FloodKind } from "./flood.ts";
import type { Site } from "./site.ts";

/** A trouble; it says what it did. */
export type Trouble = (site: Site, round: number) => Promise<string>;

function flooded(kind: FloodKind, seconds: number): Trouble {
  return async (site) => {
    const flooding = flood(site.two, kind, seconds);
    await pause(seconds * 500);
    await site.scan(5);
    return `${await flooding} ${kind}`;
  };
}

async function restartSyslog(site: Site): Promise<string> {
  await site.endSyslog();
  await site.scan(20);
  await pause(500);
  site.startSyslog();
  await site.scan(5);
  return "syslogd restarted";
}

async function hangUp(site: Site): Promise<string> {
  for (let i = 0; i < 5; i++) {
    await site.scan(1);
    site.daemon.signal("SIGHUP");
  }
  return "5 SIGHUPs";
}

/** All that comes meanwhile waits in the ring, which is large enough. */
async function suspend(site: Site): Promise<string> {
  site.daemon.signal("SIGSTOP");
  try {
    await site.scan(20);
    await pause(1000);
  } finally {
    site.daemon.signal("SIGCONT");
  }
  return "stopped for a second";
}

/** The ring overflows: scans may be lost, but it must be told. */
async function suspendFlooded(site: Site): Promise<string> {
  site.daemon.signal("SIGSTOP");
  try {
    await flood(site.two, "segments", 2);
    await site.scan(5);
  } finally {
    site.daemon.signal("SIGCONT");
  }
  return "stopped under a flood";
}

/** The cable is pulled, and a second one comes and goes. */
async function flap(site: Site): Promise<string> {
  const { scanner, host } = site.two;
  for (let i = 0; i < 3; i++) {
    await host.run(["ip", "link", "set", "eth0", "down"]);
    await host.run(["ip", "link", "set", "eth0", "up"]);
  }
  await connect(
    { host: scanner, name: "eth1", addresses: ["10.78.1.1/24"] },
    { host, name: "eth1", addresses: ["10.78.1.2/24"] },
  );
  await site.scan(5);
  await host.run(["ip", "link", "delete", "eth1"]);
  await site.scan(5);
  return "interfaces flapped";
}

/** The counts that SIGUSR2 tells never go back, and are those of the log. */
async function count(site: Site): Promise<string> {
  const { scans } = await site.counts();
  assertEquals(scans, site.lines().length, "scans counted, and logged");
  return "counted";
}

async function scanReally(site: Site): Promise<string> {
  await site.scanReally();
  await site.scan(5);
  return "nmap";
}

/** The program's clock only: the machine's belongs to others too. */
// deno-lint-ignore require-await
async function step(_: Site, round: number): Promise<string> {
  return `${stepClock(seeded(round), 200)} scans while the clock was set`;
}

/** All of them, in the order of a round. */
export const TROUBLES: readonly Trouble[] = [
  scanReally,
  flooded("segments", 2),
  restartSyslog,
  count,
  hangUp,
  flooded("fragments", 2),
  suspend,
  flap,
  suspendFlooded,
  step,
];
