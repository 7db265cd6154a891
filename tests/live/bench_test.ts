/** The benchmarks run, in short, and say what they should. */

import type { Report } from "../../bench/report.ts";
import { assert, assertEquals, assertGreater } from "../assert.ts";
import { Folder } from "./daemon.ts";
import { eventually, pause, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const BENCH = new URL("../../bench/main.ts", import.meta.url).pathname;
const COMMAND = [Deno.execPath(), "run", "--no-prompt", "--allow-all", BENCH];
/** What is short even on a busy machine. */
const CHEAP = ["syn-flood", "idle", "start-up", "latency"];
/** Several times what they take on an idle machine. */
const PATIENCE_MS = 120_000;

/** Runs benchmarks; returns the table's lines and the figures. */
async function bench(
  ...args: readonly string[]
): Promise<{ table: string[]; report: Report }> {
  await using folder = await Folder.create();
  const json = `${folder.path}/results/figures.json`;
  await using process = new Process(
    [...COMMAND, "--quick", ...args, "--json", json],
  );
  await eventually(
    () => process.code >= 0,
    () => `the end of the benchmarks\n${process.stderr.join("\n")}`,
    PATIENCE_MS,
  );
  assertEquals(process.code, 0, process.stdout.join("\n"));
  return {
    table: process.stdout,
    report: JSON.parse(await Deno.readTextFile(json)),
  };
}

liveTest(
  "replay measures us beside the reference, who logs as many lines",
  {
    tools: [
      ...["bash", "setsid", "scanlogd", "gcc", "python3"],
      ...["tcpdump", "tshark", "git"],
    ],
  },
  async () => {
    const { report } = await bench(
      ...["--only", "replay", "--packets", "20000"],
      ...["--mixed-bytes", "10000000"],
    );
    assertEquals(report.amounts.replayPackets, 20_000);
    const [{ figures, bars }] = report.benchmarks;
    const times = figures.filter(({ unit }) => unit === "ns");
    // tshark reads one of the files; a checkout may lack the old version.
    const readers = new Set(times.map(({ contender }) => contender));
    readers.delete("scanlogd 0.1.0");
    assertEquals(readers.size, 7);
    assertGreater(times.length, 4 * 6);
    for (const { rounds } of times) assertGreater(rounds[0], 0);
    const lines = (contender: string) =>
      figures.find((figure) =>
        figure.case === "steady" && figure.what === "lines" &&
        figure.contender === contender
      )?.rounds[0];
    assertGreater(lines("reference") ?? 0, 0);
    assertEquals(lines("scanlogd --read --classic"), lines("reference"));
    assertEquals(bars.length, 4);
    for (const { found, met, atMost } of bars) {
      assertEquals(met, found! <= atMost!);
    }
  },
);

liveTest(
  "live benchmarks find figures for every bar and print them",
  {
    root: true,
    tools: ["ip", "unshare", "trafgen", "timeout", "python3", "scanlogd"],
  },
  async () => {
    const { table, report } = await bench(
      ...CHEAP.flatMap((name) => ["--only", name]),
    );
    assertEquals(
      new Set(report.benchmarks.map(({ name }) => name)),
      new Set(CHEAP),
    );
    for (const { name, figures, bars, failed, skipped } of report.benchmarks) {
      assertEquals([failed, skipped], [undefined, undefined], name);
      assertGreater(figures.length, 0, name);
      for (const { what, unit, rounds } of figures) {
        assert(what !== "" && typeof unit === "string");
        for (const value of rounds) assert(Number.isFinite(value), what);
      }
      for (const { what, found, met } of bars) {
        assert(Number.isFinite(found), `${name}: ${what}`);
        assertEquals(typeof met, "boolean");
      }
      assert(table.some((line) => line.startsWith(`${name}: `)));
    }
    const bars = report.benchmarks.flatMap(({ bars }) => bars);
    const told = table.filter((line) => /, (NOT )?MET$/i.test(line));
    assertEquals(told.length, bars.length);
  },
);

liveTest(
  "an interrupted run leaves no namespace and no file",
  { root: true, tools: ["ip", "unshare", "trafgen", "timeout"] },
  async () => {
    await using folder = await Folder.create();
    await using process = new Process([...COMMAND, "--only", "syn-flood"], {
      env: { TMPDIR: folder.path },
    });
    const hosts = async () =>
      (await run(["ip", "netns", "list"])).split("\n")
        .filter((line) => line.startsWith(`scanlogd-${process.pid}-`));
    for (let tries = 0; (await hosts()).length < 2; tries++) {
      assert(tries < 300, "no hosts were made");
      await pause(20);
    }
    assertEquals(await process.stop("SIGINT"), 130);
    assertEquals(await hosts(), []);
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
);
