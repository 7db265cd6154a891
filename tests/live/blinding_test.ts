/**
 * Attacks that are to keep a scan out of the log, or to put a wrong one in,
 * while ours watches with its defaults. What Debian's scanlogd makes of each is
 * printed.
 */

import { assert, assertEquals, assertMatch } from "../assert.ts";
import {
  addAddresses,
  Arena,
  ATTACK_TOOLS,
  collidingSources,
  Forger,
  isScanBy,
  isUnlogged,
} from "./blinding.ts";
import { sendForgedRefusals, sendForgedScans } from "./blinding_forgeries.ts";
import { addAddress, SCANNER } from "./namespaces.ts";
import { pause } from "./processes.ts";
import { liveTest } from "./require.ts";
import { limited } from "./technique_trial.ts";

const NEEDS = { root: true, tools: ATTACK_TOOLS };
/** Longer than a line takes that is held back for evidence. */
const SETTLE_MS = 4_000;
/** The default --log-delay, and a little more. */
const FLOOD_END_MS = 26_000;
/** Each time 6 privileged ports: a weight of 18, and 21 make a scan. */
const ROUNDS = ["23-28", "110-115", "135-140", "512-517"];

const isByScanner = isScanBy(SCANNER);

/** Prints what both made of an attack, to look at. */
function record(arena: Arena, attack: string): void {
  const tell = (lines: string[]) => {
    const named = lines.filter(isByScanner).length;
    return `${lines.length} lines, the scanner named in ${named}`;
  };
  console.log(
    `${attack}: ours ${tell(arena.ours)}; scanlogd ${tell(arena.reference)}`,
  );
}

/** nmap probes 6 ports, then something happens, and so on. */
async function scanInRounds(
  arena: Arena,
  between: () => Promise<void>,
): Promise<void> {
  for (const ports of ROUNDS) {
    await arena.nmap("-sS", "--max-retries", "0", "-p", ports);
    await between();
  }
}

/** The scan is told, nothing else is, and the reference has not seen it. */
async function assertFound(arena: Arena, attack: string): Promise<void> {
  await arena.line("the scanner's line", isByScanner);
  await pause(SETTLE_MS);
  record(arena, attack);
  assertEquals(arena.ours.length, 1, arena.ours.join("\n"));
  assertEquals(arena.reference.filter(isByScanner), []);
  console.log(await arena.stop());
}

/** Forged sources by the hundred, which do not exist, behind the router. */
function forgedSources(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `198.51.100.${i}`);
}

liveTest(
  "256 forged sources between every 6 probes hide no scan",
  NEEDS,
  async () => {
    await using arena = await Arena.create();
    const sources = forgedSources(256);
    await scanInRounds(arena, () => sendForgedScans(arena, sources, [25]));
    await assertFound(arena, "256 sources");
  },
);

liveTest(
  "17 sources that collide in the reference's hash hide no scan",
  NEEDS,
  async () => {
    await using arena = await Arena.create();
    const sources = collidingSources(17);
    await scanInRounds(arena, () => sendForgedScans(arena, sources, [25]));
    await assertFound(arena, "17 colliding sources");
  },
);

liveTest(
  "65,536 forged sources between every 6 probes hide no scan",
  NEEDS,
  async () => {
    await using arena = await Arena.create();
    await using forger = await Forger.create(arena);
    await scanInRounds(arena, () => forger.send(65_536));
    await assertFound(arena, "65,536 sources");
  },
);

liveTest("a scan during a steady flood is found", NEEDS, async () => {
  await using arena = await Arena.create({ reference: false });
  await using forger = await Forger.create(arena);
  // 6 probes take 2.4 seconds.
  const flood = forger.send(12 * 27_300, 1, "27300pps");
  await arena.nmap("-sS", "--scan-delay", "400ms", "-p", "23-40");
  await flood;
  await arena.line("the scanner's line", isByScanner);
  await pause(SETTLE_MS);
  assertEquals(arena.ours.length, 1, arena.ours.join("\n"));
  console.log(await arena.stop());
});

liveTest(
  "655,360 forged sources between every 6 probes: what is forgotten is counted",
  NEEDS,
  async () => {
    await using arena = await Arena.create({ reference: false });
    await using forger = await Forger.create(arena);
    await scanInRounds(arena, () => forger.send(655_360, 2));
    await pause(SETTLE_MS);
    console.log(
      arena.ours.some(isByScanner) ? "the scanner is named" : "it is not named",
    );
    // It goes on watching, and forged sources are nobody's scan.
    assertEquals(arena.ours.filter((line) => !isByScanner(line)), []);
    const later = "10.77.0.50";
    await addAddress(arena.scanner, "eth0", `${later}/24`);
    await arena.nmap("-sS", "-e", "eth0", "-S", later, "-p", "1-100");
    await arena.line("a later scan", isScanBy(later));
    const told = await arena.stop();
    console.log(told);
    assertMatch(told, /\d{6,} sources or datagrams forgotten early/);
  },
);

/** None of them is open: else there would be no scan. */
const SEVEN_PORTS = [23, 25, 53, 110, 111, 135, 139];

/** Each 5 seconds, so that a flood does not end. */
const FLOOD_SCANS = 8;

/** Forged scans use the flood limit up, and then comes the real one. */
async function scanInFlood(
  forged: number,
  scan: readonly string[],
): Promise<void> {
  await using arena = await Arena.create();
  await sendForgedScans(arena, forgedSources(forged), SEVEN_PORTS);
  await arena.nmap(...scan);
  const isNamed = (line: string) =>
    isByScanner(line) || isUnlogged(SCANNER)(line);
  const line = await arena.line("the scanner's name", isNamed, FLOOD_END_MS);
  const isForged = isScanBy(forgedSources(1)[0]);
  assert(arena.ours.some(isForged), "the forged scans are none");
  const how = isByScanner(line) ? "a line of its own" : "the closing line";
  record(arena, `${forged} forged scans, ${scan.join(" ")}: ${how}`);
  console.log(line);
  assertEquals(arena.reference.filter(isByScanner), []);
  // Whoever connects to an open port proves who it is.
  if (scan.includes("-sT")) assert(isByScanner(line), line);
}

const FLOODED_SCANS: readonly (readonly string[])[] = [
  ["-sT", "-r", "-p", "21-60"],
  ["-sT", "-p", "1-100"],
  ["-sS", "-p", "1-100"],
];

/** Forged scans go on and on, and among them is a real one. */
async function scanInLastingFlood(): Promise<void> {
  await using arena = await Arena.create();
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const isNamed = () => arena.ours.some(isUnlogged(SCANNER));
  // The limit begins anew 20 s after the sixth scan: more have to come.
  for (let sent = 0; !isNamed(); sent += FLOOD_SCANS) {
    const sources = forgedSources(sent + FLOOD_SCANS).slice(sent);
    await sendForgedScans(arena, sources, SEVEN_PORTS);
    if (sent === 0) await arena.nmap("-sS", "-p", "1-100");
    await pause(5_000);
    assert(seconds() < 75, arena.ours.join("\n"));
  }
  console.log(`named after ${seconds().toFixed(0)} s`);
  record(arena, "a flood that goes on");
  console.log(arena.ours.filter(isUnlogged(SCANNER)).join("\n"));
}

/** Addresses on the link, 30 of them. */
const DECOYS = Array.from({ length: 30 }, (_, i) => `10.77.0.${101 + i}`);
const DECOY_LINE =
  /^31 sources in lockstep(?:, likely ([^ ]+),)? to 10\.77\.0\.2 ports \d+, .*, f[S?][r?]pauxy(?:, TOS ..)?(?:, TTL \d+)? @\d\d:\d\d:\d\d$/;

/**
 * Long after the line. The host's answers to decoys on the link that nobody is
 * wait for a neighbour's address and use up the room for those to nmap, which
 * goes slower and slower then.
 */
const NMAP_LIMIT = "20s";

/** The one decoy line: whom it takes for the real scanner, if anybody. */
async function likelyScanner(
  decoys: string,
  alive: readonly string[] = [],
): Promise<string | undefined> {
  await using arena = await Arena.create();
  await addAddresses(arena.scanner, alive);
  await arena.nmap(
    ...["-sS", "-D", decoys, "-p", "1-100", "--host-timeout", NMAP_LIMIT],
  );
  const line = await arena.line(
    "the decoy line",
    (line) => line.includes(" in lockstep"),
  );
  await pause(SETTLE_MS);
  record(arena, `30 decoys, ${alive.length} alive`);
  console.log(line);
  assertEquals(arena.ours, [line]);
  const match = DECOY_LINE.exec(line);
  assert(match !== null, line);
  return match[1];
}

/** Nobody is named who is not the scanner. */
async function assertNobodyWrong(alive: readonly string[]): Promise<void> {
  const likely = await likelyScanner(DECOYS.join(","), alive);
  assert(likely === undefined || likely === SCANNER, likely);
}

/** More would keep each other's scanners from going on. */
const AT_A_TIME = 2;

const CROWDED: Readonly<Record<string, () => Promise<void>>> = {
  "decoys on the link that nobody is: one line, nobody wrong is likely": () =>
    assertNobodyWrong([]),
  "random decoys behind the router: one line, nobody is likely": async () =>
    assertEquals(await likelyScanner("RND:30"), undefined),
  "decoys that are all alive: one line, nobody wrong is likely": () =>
    assertNobodyWrong(DECOYS),
  "decoys of which three are alive: one line, nobody wrong is likely": () =>
    assertNobodyWrong(DECOYS.slice(0, 3)),
  ...Object.fromEntries(
    [6, 60].flatMap((forged) =>
      FLOODED_SCANS.map((scan) => [
        `${forged} forged scans, then nmap ${scan.join(" ")}: it is named`,
        () => scanInFlood(forged, scan),
      ])
    ),
  ),
  "while a flood lasts, each minute tells who was not logged":
    scanInLastingFlood,
};

liveTest("the real scanner among forged ones", NEEDS, async (t) => {
  // Side by side, because most of the time goes into waiting.
  const results = limited(AT_A_TIME, Object.values(CROWDED));
  for (const [i, name] of Object.keys(CROWDED).entries()) {
    await t.step(name, async () => {
      const result = await results[i];
      if (result.status === "rejected") throw result.reason;
    });
  }
});

liveTest("forged refusals are nobody's scan", NEEDS, async () => {
  await using arena = await Arena.create();
  const kinds = await sendForgedRefusals(arena, 10_000);
  await pause(SETTLE_MS);
  assertEquals(arena.ours, [], kinds.join(", "));
  await addAddress(arena.scanner, "eth0", "10.77.0.50/24");
  for (const source of [SCANNER, "10.77.0.50"]) {
    await arena.nmap("-sS", "-e", "eth0", "-S", source, "-p", "1-100");
    await arena.line(`the scan by ${source}`, isScanBy(source));
  }
  record(arena, `forged refusals (${kinds.join(", ")})`);
  assertEquals(arena.ours.length, 2, arena.ours.join("\n"));
});
