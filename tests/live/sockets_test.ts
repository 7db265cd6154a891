/** Lines to stream sockets, and events to programs of the user's. */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { assertEvent } from "../schema.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually, pause, Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf } from "./rsyslogd.ts";
import { sendScans, sources, sourcesIn } from "./scans.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "python3"] };
const NO_LIMIT = ["--log-burst", "0"];
const LISTENER = new URL("stream_listener.py", import.meta.url).pathname;
const HELPER = new URL("../../docs/unix_helper.py", import.meta.url).pathname;

/** Starts whoever listens; the socket is `log` in the folder, its file `alert`. */
type Start = (folder: string) => Promise<Process>;

async function startListener(folder: string): Promise<Process> {
  const paths = [`${folder}/log`, `${folder}/alert`];
  const process = new Process(["python3", LISTENER, ...paths]);
  await eventually(
    () => process.stdout.includes("listening") || process.code >= 0,
    () => "the listener",
  );
  assertEquals(process.code, -1, process.stderr.join("\n"));
  return process;
}

async function startSyslogNg(folder: string): Promise<Process> {
  const path = `${folder}/syslog-ng.conf`;
  await Deno.writeTextFile(
    path,
    `@version: 3.38
source s { unix-stream("${folder}/log"); };
destination d { file("${folder}/alert" flush-lines(1)); };
log { source(s); destination(d); };
`,
  );
  const files = ["-R", "persist", "-c", "control", "-p", "pid"]
    .map((text) => text.startsWith("-") ? text : `${folder}/${text}`);
  const args = ["-F", "--no-caps", "-f", path, ...files];
  const process = new Process(["syslog-ng", ...args]);
  await eventually(
    () => isSocket(`${folder}/log`) || process.code >= 0,
    () => "syslog-ng's socket",
  );
  assertEquals(process.code, -1, process.stderr.join("\n"));
  return process;
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket ?? false;
  } catch {
    return false;
  }
}

async function assertSources(folder: string, count: number): Promise<void> {
  const lines = () => linesOf(`${folder}/alert`).filter(isScan);
  await eventually(
    () => lines().length >= count,
    () => `${count} lines, there are ${lines().length}`,
  );
  assertEquals(sourcesIn(lines()), sources(0, count));
}

/** Neither what the program says of itself nor the end of a scan. */
function isScan(line: string): boolean {
  return line.includes(" ports ");
}

const SERVERS: readonly [name: string, start: Start, tools: string[]][] = [
  ["a stream socket", startListener, []],
  ["syslog-ng's unix-stream", startSyslogNg, ["syslog-ng"]],
];

for (const [name, start, tools] of SERVERS) {
  const needs = { ...NEEDS, tools: [...NEEDS.tools, ...tools] };

  liveTest(
    `${name}: stopped, 100 scans, started again: each is in the log`,
    needs,
    async () => {
      await using folder = await Folder.create();
      const { path } = folder;
      await using two = await TwoHosts.create();
      await using first = await start(path);
      await using daemon = await startDaemon(
        two.host,
        [...NO_LIMIT, "--syslog-socket", `${path}/log`],
      );
      await sendScans(two, 0, 5);
      await assertSources(path, 5);
      await first.stop();
      await sendScans(two, 5, 100);
      await daemonHasSeen(daemon, 105);
      await using _second = await start(path);
      await assertSources(path, 105);
      await sendScans(two, 105, 5);
      await assertSources(path, 110);
      assertEquals(await daemon.stop(), 0);
      const told = await daemon.told(" 110 scans, 0 suppressed");
      assert(!told.includes("lost"), told);
    },
  );

  liveTest(
    `${name}: stalled for 3 seconds and 3,000 scans: each is in the log`,
    needs,
    async () => {
      await using folder = await Folder.create();
      const { path } = folder;
      await using two = await TwoHosts.create();
      await using server = await start(path);
      await using daemon = await startDaemon(
        two.host,
        [...NO_LIMIT, "--syslog-socket", `${path}/log`],
      );
      server.signal("SIGSTOP");
      await sendScans(two, 0, 1500);
      await pause(3000);
      await sendScans(two, 1500, 1500);
      await daemonHasSeen(daemon, 3000);
      server.signal("SIGCONT");
      await assertSources(path, 3000);
      assertEquals(await daemon.stop(), 0);
      const told = await daemon.told(" 3000 scans, 0 suppressed");
      assert(!told.includes("lost"), told);
    },
  );
}

/** Asks the daemon until it has found so many scans. */
async function daemonHasSeen(daemon: Process, scans: number): Promise<void> {
  const end = performance.now() + 30_000;
  while (!daemon.stderr.some((line) => line.includes(` ${scans} scans,`))) {
    assert(performance.now() < end, daemon.stderr.join("\n"));
    daemon.signal("SIGUSR2");
    await pause(100);
  }
}

liveTest(
  "unix: the helper of the documentation receives every event through its own restarts",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/log`;
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(
      two.host,
      [...NO_LIMIT, "-o", `unix:${path}`],
    );
    assertStringIncludes(daemon.stderr[0], "nobody listens on");
    const rounds = 5;
    const programs: Process[] = [];
    const found = () => programs.flatMap(scansTold);
    const finds = (count: number) =>
      eventually(
        () => found().length >= count,
        () => `${count} scans, there are ${found().length}`,
      );
    for (let round = 0; round < rounds; round++) {
      await using program = await startHelper(path);
      programs.push(program);
      const sending = sendScans(two, 40 * round, 40);
      // In the midst of it, it goes away.
      await finds(40 * round + 1);
      assertEquals(await program.stop(), 0, program.stderr.join("\n"));
      await sending;
    }
    await using last = await startHelper(path);
    programs.push(last);
    await finds(40 * rounds);
    assertEquals(found(), sources(0, 40 * rounds));
    assertEquals(await daemon.stop(), 0);
    const told = await daemon.told("packets seen");
    assert(!told.includes("lost"), told);
  },
);

async function startHelper(path: string): Promise<Process> {
  const program = new Process(["python3", HELPER, path]);
  await eventually(
    () => program.stdout.includes("listening") || program.code >= 0,
    () => "the helper",
  );
  assertEquals(program.code, -1, program.stderr.join("\n"));
  return program;
}

/** Sources of the scans that a helper was told; all events must be valid. */
function scansTold({ stdout }: Process): string[] {
  return stdout.filter((line) => line !== "listening").flatMap((line) => {
    assertEvent(line);
    const { event_type, src_ip } = JSON.parse(line);
    return event_type === "portscan" ? [src_ip] : [];
  });
}

/** As containers get a socket of their host's: at the place of an empty file. */
liveTest(
  "unix: a socket that is mounted alone is found",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const path = `${folder.path}/log`;
    const place = `${folder.path}/place/log`;
    await Deno.mkdir(`${folder.path}/place`);
    await Deno.writeTextFile(place, "");
    await using program = await startHelper(path);
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(
      two.host,
      [...NO_LIMIT, "-o", `unix:${place}`],
      { setUp: `mount --bind ${path} ${place}` },
    );
    await sendScans(two, 0, 3);
    const found = () => scansTold(program);
    await eventually(
      () => found().length >= 3,
      () => `3 scans, there are ${found().length}: ${daemon.stderr.join("\n")}`,
    );
    assertEquals(await daemon.stop(), 0);
  },
);

liveTest(
  "unix: what nobody takes until the end is counted",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(
      two.host,
      ["--classic", ...NO_LIMIT, "-o", `unix:${folder.path}/log`],
    );
    await sendScans(two, 0, 7);
    await daemonHasSeen(daemon, 7);
    assertEquals(await daemon.stop(), 0);
    assertStringIncludes(
      await daemon.told("losses: "),
      "losses: 7 lines lost",
    );
  },
);
