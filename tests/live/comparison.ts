/**
 * The README's comparison: every scan technique and all innocent traffic, tried
 * on ours and on the programs that Debian ships for the same purpose.
 *
 *     deno task compare --print          prints the tables
 *     deno task compare                  writes them into README.md
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
import { requirement } from "./require.ts";
import { limited } from "./technique_trial.ts";
import { listen } from "./target_host.ts";
import {
  type Family,
  type Target,
  type Technique,
  TECHNIQUE_TOOLS,
  techniques,
  titleOf as techniqueTitle,
} from "./techniques.ts";

const START = "<!-- comparison -->";
const END = "<!-- /comparison -->";

/** So many at a time: scans mostly wait, innocent traffic is work. */
const SCANS_AT_A_TIME = 6;
const INNOCENTS_AT_A_TIME = 4;

/** Techniques that are tried over IPv6 as well. */
const IPV6_TOO = ["nmap -sS", "nmap -sU", "nmap -sA"];
const NETWORK = "10.78.0";
/** psad takes long to read 31,000 lines, as decoys and scanner make them. */
const DECOYS_PATIENCE = 60;
/** After the first report, for others to come. */
const SETTLE_MS = 4_000;

// Scans.

/** A way to scan, over one version of the internet protocol. */
interface Scan {
  technique: Technique;
  family: Family;
}

function scans(): Scan[] {
  return techniques.flatMap((technique) =>
    technique.families
      .filter((_, i) => i === 0 || IPV6_TOO.includes(technique.name))
      .map((family) => ({ technique, family }))
  );
}

/** A host with open ports, ways to everywhere, and perhaps a network. */
async function prepare(
  { host, peer, ...site }: Pick<Site, "host" | "peer" | "use">,
  { form }: Technique,
): Promise<void> {
  await host.run(["ip", "route", "add", "default", "via", SCANNER]);
  await host.run(["ip", "-6", "route", "add", "default", "via", SCANNER_IPV6]);
  site.use(await listen(host));
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
async function tryScan(
  contender: Contender,
  { technique, family }: Scan,
): Promise<string> {
  await using site = await Site.create();
  await prepare(
    { host: site.host, peer: site.peer, use: (thing) => site.use(thing) },
    technique,
  );
  await using watch = await contender.start(site);
  const target = await targetOf(site.host, family);
  const sources = () =>
    new Set(watch.lines().map((line) => contender.sourceOf(line)));
  await using _scan = site.peer.start(technique.command(target));
  const patience = technique.form === "decoys"
    ? DECOYS_PATIENCE
    : technique.patience;
  await eventually(
    () => sources().has(target.scanner),
    () => "a report",
    patience * 1_000,
  ).catch(() => {});
  await pause(SETTLE_MS);
  const named = sources();
  if (!named.has(target.scanner)) return "not found";
  return named.size === 1 ? "found" : `found, among ${named.size} sources`;
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

// Tables.

function notTried(reason: unknown): string {
  const message = reason instanceof Error ? reason.message : `${reason}`;
  return `not tried: ${message.split("\n")[0]}`;
}

/** One row: its name, what it takes, and how to fill some of its cells. */
interface Row {
  name: string;
  tools: readonly string[];
  parts: readonly (() => Promise<string[]>)[];
}

function scanRows(): Row[] {
  return scans().map((scan) => ({
    name: `\`${techniqueTitle(scan.technique, scan.family)}\``,
    tools: TECHNIQUE_TOOLS,
    parts: CONTENDERS.map((contender) => async () => [
      await scanCell(contender, scan),
    ]),
  }));
}

function innocentRows(): Row[] {
  return INNOCENTS.map((innocent) => ({
    name: innocent.name,
    tools: innocent.tools,
    parts: [() => innocentCells(innocent)],
  }));
}

/** Fills all rows, as a table in Markdown. */
async function table(
  head: string,
  rows: readonly Row[],
  atATime: number,
): Promise<string> {
  const titles = await Promise.all(CONTENDERS.map(titleOf));
  const tasks = rows.flatMap(({ name, tools, parts }) => {
    const { reason } = requirement({ tools });
    const missing = () =>
      Promise.resolve(CONTENDERS.map(() => notTried(reason)));
    return (reason === "" ? parts : [missing]).map((fill) => async () => {
      const cells = await fill();
      console.error(`${name}: ${cells.join(", ")}`);
      return { name, cells };
    });
  });
  const results = await Promise.all(limited(atATime, tasks));
  const body = new Map<string, string[]>(rows.map(({ name }) => [name, []]));
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
    body.get(result.value.name)?.push(...result.value.cells);
  }
  return markdown([
    [head, ...titles],
    ...[...body].map(([name, cells]) => [name, ...cells]),
  ]);
}

/** A table, padded as `deno fmt` pads it. */
function markdown(cells: readonly string[][]): string {
  const rows = cells.map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|"))
  );
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length))
  );
  const [head, ...body] = rows.map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [head, rule, ...body].join("\n");
}

/**
 * Puts tables between the markers of a text.
 *
 * @throws {SyntaxError} If the markers are missing.
 */
function withTables(text: string, tables: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) {
    throw new SyntaxError(`Cannot find ${START} and ${END} in the text`);
  }
  return `${text.slice(0, start + START.length)}\n\n${tables}\n\n${
    text.slice(end)
  }`;
}

/** Tries everything whose name contains a text. */
async function compare(part: string): Promise<string> {
  const wanted = (rows: Row[]) =>
    rows.filter(({ name }) => name.includes(part));
  return [
    await table("Scan", wanted(scanRows()), SCANS_AT_A_TIME),
    await table("No scan", wanted(innocentRows()), INNOCENTS_AT_A_TIME),
  ].join("\n\n");
}

if (import.meta.main) {
  const isPrinted = Deno.args.includes("--print");
  const part = Deno.args.find((arg) => !arg.startsWith("--")) ?? "";
  const path = new URL("../../README.md", import.meta.url);
  // Before hours of work.
  if (!isPrinted) withTables(await Deno.readTextFile(path), "");
  const tables = await compare(part);
  if (isPrinted) console.log(tables);
  else {
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, withTables(text, tables));
  }
}
