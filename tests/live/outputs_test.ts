/** What the program writes about capture files, and its counters. */

import { formatMetrics } from "../../format/metrics.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { assertEcs, assertEvent } from "../schema.ts";
import { Folder, program, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { sendScans } from "./scans.ts";

const TRACE =
  new URL("../data/conformance/mixed-1.pcap", import.meta.url).pathname;
const WRITER = new URL("metrics_writer.ts", import.meta.url).pathname;
const READS = 1000;
const BATCH = 100;

async function read(...args: string[]): Promise<string[]> {
  await using reading = new Process(program(["--read", TRACE, ...args]));
  assertEquals(await reading.end(), 0, reading.stderr.join("\n"));
  return reading.stdout;
}

liveTest(
  "events and ECS documents of a file are as the schemas say",
  {},
  async () => {
    const events = await read("-o", "json");
    assert(events.length > 10);
    for (const line of events) assertEvent(line);
    const documents = await read("-o", "ecs");
    assertEquals(documents.length, events.length);
    for (const line of documents) assertEcs(line);
  },
);

liveTest(
  "the summary comes after all lines, and without colours into a pipe",
  {},
  async () => {
    const lines = await read("-o", "stdout,summary");
    const title = lines.findIndex((line) => line.startsWith("SOURCE "));
    assert(title > 5 && title < lines.length - 5, `${title}`);
    assertEquals(lines.slice(0, title), await read());
    assert(!lines.join("").includes("\x1b"));
  },
);

/** Runs a command line on a terminal of its own; gives what that shows. */
async function onTerminal(
  args: readonly string[],
  env: Record<string, string>,
): Promise<string> {
  const command = program(args).map((word) => `'${word}'`).join(" ");
  await using terminal = new Process(
    ["script", "-qec", command, "/dev/null"],
    { env },
  );
  assertEquals(await terminal.end(), 0, terminal.stderr.join("\n"));
  return terminal.stdout.join("\n");
}

liveTest(
  "on a terminal the summary is coloured, unless NO_COLOR is set",
  { tools: ["script"] },
  async () => {
    const args = ["--read", TRACE, "-o", "summary"];
    const coloured = await onTerminal(args, { NO_COLOR: "" });
    assertStringIncludes(coloured, "\x1b[1mSOURCE");
    const plain = await onTerminal(args, { NO_COLOR: "1" });
    assertStringIncludes(plain, "SOURCE");
    assert(!plain.includes("\x1b[1m"), plain);
  },
);

liveTest(
  "who stops reading gets silence, and the status of SIGPIPE",
  {},
  async () => {
    const command = program(["--read", TRACE, "--log-burst", "0"])
      .map((word) => `'${word}'`).join(" ");
    // It has ended before the first line.
    const script = `${command} | true; echo "\${PIPESTATUS[0]}"`;
    await using shell = new Process(["bash", "-c", script]);
    assertEquals(await shell.end(), 0);
    assertEquals(shell.stdout, ["141"]);
    assertEquals(shell.stderr, []);
  },
);

liveTest(
  "a page in the way of a directory is refused in one line",
  {},
  async () => {
    await using folder = await Folder.create();
    await using reading = new Process(
      program(["--read", TRACE, "-o", `html:${folder.path}/none/page.html`]),
    );
    assertEquals(await reading.end(), 1);
    assertEquals(reading.stderr.length, 1);
    assertStringIncludes(reading.stderr[0], "name a file in a directory");
  },
);

liveTest(
  `promtool accepts the counters in ${READS} reads while they are rewritten`,
  { tools: ["promtool"] },
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/scanlogd.prom`;
    await using writer = new Process([
      ...[Deno.execPath(), "run", "--no-prompt", "--allow-ffi", WRITER, path],
    ]);
    await eventually(() => writer.stdout.length > 0, () => "the first write");
    const script =
      `for ((i = 0; i < ${BATCH}; i++)); do promtool check metrics <"$1" || exit 1; done`;
    for (let reads = 0; reads < READS; reads += BATCH) {
      await run(["bash", "-c", script, "bash", path]);
    }
    assertEquals(writer.code, -1, writer.stderr.join("\n"));
  },
);

liveTest(
  "the counters of a running daemon are those that it tells",
  { root: true, tools: ["ip", "unshare", "python3"] },
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/scanlogd.prom`;
    await Deno.writeTextFile(path, "# HELP scanlogd_x x\n".repeat(1000));
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(
      two.host,
      ["--classic", "-o", "stdout", "--metrics", path],
    );
    const length = formatMetrics({
      ...{ packets: 0, dropped: 0, damaged: 0, tooDeep: 0, scans: 0 },
      ...{
        suppressed: 0,
        sources: 0,
        hosts: 0,
        evicted: 0,
        lost: 0,
        started: 0,
      },
    }).length;
    assertEquals((await Deno.stat(path)).size, length);
    await sendScans(two, 0, 9);
    await eventually(() => daemon.stdout.length >= 6, () => "6 lines");
    assertEquals(await daemon.stop(), 0);
    const text = await Deno.readTextFile(path);
    assertEquals(text.length, length);
    const value = (name: string) =>
      Number(new RegExp(`^scanlogd_${name} +(\\d+)$`, "m").exec(text)?.[1]);
    assertEquals(value("scans_total"), 9);
    assertEquals(value("suppressed_total"), 4);
    assertEquals(value("sources"), 9);
    assert(value("packets_total") >= 63, text);
    assert(value("start_time_seconds") * 1000 <= Date.now(), text);
  },
);
