/**
 * The comparison: every scan technique and all innocent traffic, tried on ours
 * and on the programs that Debian ships for the same purpose.
 *
 *     deno task compare --print          prints the tables
 *     deno task compare                  writes them into docs/comparison.md, each
 *                                        as soon as it is full
 *     deno task compare --print NAME     only rows whose name contains NAME
 *
 * Needs root and the programs. What cannot be tried says so, and why. Each scan is
 * tried on each program by itself; innocent traffic takes long, and all programs
 * watch the same.
 *
 * @module
 */

import {
  type Contender,
  CONTENDERS,
  titleOf,
  whyNot,
} from "./comparison_watchers.ts";
import { notTried, type Row, table, withSection } from "./comparison_table.ts";
import { Site } from "./innocent_site.ts";
import {
  type Innocent,
  type Outcome,
  tryOut,
  type Verdict,
} from "./innocent_watchers.ts";
import { INNOCENTS } from "./innocents.ts";
import {
  HOST,
  HOST_IPV6,
  type Namespace,
  SCANNER,
  SCANNER_IPV6,
} from "./namespaces.ts";
import { eventually, pause, run } from "./processes.ts";
import { defend, expose, listen, TARGET_TOOLS } from "./target_host.ts";
import {
  type Defence,
  type Family,
  type Target,
  type Technique,
  TECHNIQUE_TOOLS,
  techniques,
  titleOf as techniqueTitle,
} from "./techniques.ts";

/** So many at a time: scans mostly wait, innocent traffic is work. */
const SCANS_AT_A_TIME = 6;
const INNOCENTS_AT_A_TIME = 4;

/** Hosts that are scanned: without a firewall, and with one that is silent. */
const HOSTS = ["open", "drop"] as const satisfies readonly Defence[];
/** Techniques that are tried over IPv6 as well. */
const IPV6_TOO = ["nmap -sS", "nmap -sU", "nmap -sA"];
const NETWORK = "10.78.0";
/** psad takes long to read 31,000 lines, as decoys and scanner make them. */
const DECOYS_PATIENCE = 60;
/** For a SYN scan of a host without a firewall. */
const PLAIN_PATIENCE = 15;
/** After the first report, for others to come. */
const SETTLE_MS = 4_000;

// Scans.

/** A way to scan, over one version of the internet protocol. */
interface Way {
  technique: Technique;
  family: Family;
}

/** The same on one kind of host. */
interface Scan extends Way {
  defence: typeof HOSTS[number];
}

function ways(): Way[] {
  return techniques.flatMap((technique) =>
    technique.families
      .filter((_, i) => i === 0 || IPV6_TOO.includes(technique.name))
      .map((family) => ({ technique, family }))
  );
}

/** A host with ways to everywhere and perhaps a network. */
async function prepare(
  site: Site,
  { technique: { form }, defence }: Scan,
): Promise<void> {
  const { host, peer } = site;
  await host.run(["ip", "route", "add", "default", "via", SCANNER]);
  await host.run(["ip", "-6", "route", "add", "default", "via", SCANNER_IPV6]);
  if (defence === "open") site.use(await listen(host));
  else await defend(host, defence);
  if (form !== "sweep") return;
  const addresses = Array.from(
    { length: 256 },
    (_, i) => `address add ${NETWORK}.${i}/32 dev lo`,
  ).join("\n");
  const input = new TextEncoder().encode(addresses);
  await run(host.inside(["ip", "-batch", "-"]), { input });
  await peer.run(["ip", "route", "add", `${NETWORK}.0/24`, "via", HOST]);
}

async function targetOf(host: Namespace, family: Family): Promise<Target> {
  return {
    address: family === 4 ? HOST : HOST_IPV6,
    network: `${NETWORK}.0/24`,
    hardwareAddress: await host.run(["cat", "/sys/class/net/eth0/address"]),
    scanner: family === 4 ? SCANNER : SCANNER_IPV6,
    interface: "eth0",
  };
}

/** What a program makes of a scan. */
async function tryScan(contender: Contender, scan: Scan): Promise<string> {
  const { technique, family, defence } = scan;
  await using site = await Site.create();
  await prepare(site, scan);
  await using watch = await contender.start(site);
  const target = await targetOf(site.host, family);
  const sources = () =>
    new Set(watch.lines().map((line) => contender.sourceOf(line)));
  const finds = (source: string, seconds: number) =>
    eventually(
      () => sources().has(source),
      () => "a report",
      seconds * 1_000,
    );
  const process = site.use(site.peer.start(technique.command(target)));
  const patience = technique.form === "decoys"
    ? DECOYS_PATIENCE
    : technique.patience;
  await finds(target.scanner, patience).catch(() => {});
  await pause(SETTLE_MS);
  const reports = watch.lines();
  if (reports.length > 0) return describe(contender, reports, target.scanner);
  await process[Symbol.asyncDispose]();
  if (defence === "drop") await expose(site.host);
  await site.scan();
  // Silence of a program that does not work tells nothing.
  return await finds(SCANNER, PLAIN_PATIENCE).then(
    () => "not found",
    () => notTried("blind to a plain scan after it"),
  );
}

/** What reports say, all of which are about the same scan. */
function describe(
  { sourceOf, sourcesIn }: Contender,
  reports: readonly string[],
  scanner: string,
): string {
  const sources = reports.map(sourceOf);
  const named = new Set(sources.filter((source) => source !== undefined));
  if (named.has(scanner)) {
    return named.size === 1 ? "found" : `found, among ${named.size} sources`;
  }
  const many = reports.map((line) => sourcesIn?.(line) ?? 1);
  return Math.max(...many) > 1
    ? `found, ${Math.max(...many)} sources in one line`
    : `not found, ${named.size} others named`;
}

async function scanCell(contender: Contender, scan: Scan): Promise<string> {
  const reason = whyNot(contender);
  if (reason !== "") return notTried(reason);
  try {
    return await tryScan(contender, scan);
  } catch (error) {
    return notTried(error);
  }
}

// Innocent traffic.

/** What all programs make of the same innocent traffic. */
async function innocentCells(innocent: Innocent): Promise<string[]> {
  const able = CONTENDERS.filter((contender) => whyNot(contender) === "");
  let verdicts: Verdict[];
  try {
    const outcome = await tryOut(innocent, able);
    assertHappened(innocent, outcome);
    verdicts = outcome.verdicts;
  } catch (error) {
    return CONTENDERS.map(() => notTried(error));
  }
  return CONTENDERS.map((contender) =>
    able.includes(contender)
      ? describeVerdict(verdicts[able.indexOf(contender)])
      : notTried(whyNot(contender))
  );
}

/** The traffic must have been there, as far as the host's kernel knows. */
function assertHappened({ atLeast }: Innocent, { traffic }: Outcome): void {
  for (const [name, least] of Object.entries(atLeast)) {
    const count = traffic[name as keyof typeof traffic];
    if (count < least) throw new Error(`only ${count} ${name}`);
  }
}

function describeVerdict({ alarms, scans }: Verdict): string {
  if (alarms.length > 0) return "false alarm";
  // Silence of a program that does not work tells nothing.
  return scans.length > 0 ? "silent" : notTried("blind to a scan after it");
}

function scanRows(): Row[] {
  return ways().map((way) => ({
    name: `\`${techniqueTitle(way.technique, way.family)}\``,
    tools: [...TECHNIQUE_TOOLS, ...TARGET_TOOLS],
    parts: CONTENDERS.flatMap((contender) =>
      HOSTS.map((defence) => async () => [
        await scanCell(contender, { ...way, defence }),
      ])
    ),
  }));
}

function innocentRows(): Row[] {
  return INNOCENTS.map((innocent) => ({
    name: innocent.name,
    tools: innocent.tools,
    parts: [() => innocentCells(innocent)],
  }));
}

// Tables.

/** One table: its name on the page, and how it is filled. */
interface Section {
  name: string;
  head(): Promise<string[]>;
  rows: Row[];
  atATime: number;
}

const SECTIONS: readonly Section[] = [
  {
    name: "scans",
    async head() {
      const titles = await Promise.all(CONTENDERS.map(titleOf));
      return ["Scan", ...titles.flatMap((title) => [title, `${title}, DROP`])];
    },
    rows: scanRows(),
    atATime: SCANS_AT_A_TIME,
  },
  {
    name: "innocent traffic",
    async head() {
      return ["No scan", ...await Promise.all(CONTENDERS.map(titleOf))];
    },
    rows: innocentRows(),
    atATime: INNOCENTS_AT_A_TIME,
  },
];

/** Tries everything whose name contains a text. */
async function fill(section: Section, part: string): Promise<string> {
  const rows = section.rows.filter(({ name }) => name.includes(part));
  const day = new Date().toLocaleDateString("en-GB", { dateStyle: "long" });
  const cells = await table(await section.head(), rows, section.atATime);
  return `Measured on ${day}:\n\n${cells}`;
}

if (import.meta.main) {
  const isPrinted = Deno.args.includes("--print");
  const part = Deno.args.find((arg) => !arg.startsWith("--")) ?? "";
  const path = new URL("../../docs/comparison.md", import.meta.url);
  const write = async ({ name }: Section, text: string) => {
    const page = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, withSection(page, name, text));
  };
  // Before much work.
  const page = await Deno.readTextFile(path);
  for (const { name } of SECTIONS) withSection(page, name, "");
  for (const section of SECTIONS) {
    const text = await fill(section, part);
    if (isPrinted) console.log(`${text}\n`);
    else await write(section, text);
  }
}
