/** Where lines go: files, standard output and JSON, also when one fails. */

import { parseCommandLine } from "../../daemon/command_line.ts";
import { openOutputs } from "../../daemon/sinks.ts";
import type { Report } from "../../detect/report/report.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { assertDocuments } from "../schema.ts";
import { Folder, launch, startDaemon } from "./daemon.ts";
import { HOST, type Namespace, TwoHosts } from "./namespaces.ts";
import { eventually, pause, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf } from "./rsyslogd.ts";
import { sendScans, sourceOf, sources, sourcesIn } from "./scans.ts";
import { SyslogSocket } from "./syslog_socket.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "python3"] };
/** One line a scan: by the other rules, all of these are decoys. */
const NO_LIMIT = ["--classic", "--log-burst", "0", "--utc"];

async function assertLines(
  lines: () => readonly string[],
  count: number,
): Promise<void> {
  await eventually(
    () => lines().length >= count,
    () => `${count} lines, there are\n${lines().join("\n")}`,
  );
  await pause(100);
  assertEquals(lines().length, count);
}

/** What files of lines and of JSON have once reports were written there. */
async function written(
  folder: string,
  reports: readonly Report[],
  args: readonly string[],
): Promise<[lines: string[], types: string[]]> {
  const [file, json] = [`${folder}/lines`, `${folder}/json`];
  const output = ["-o", `file:${file},json:${json}`];
  const outputs = openOutputs(parseCommandLine([...args, ...output]));
  for (const report of reports) outputs.write(report);
  await outputs.finish();
  for (const sink of outputs.sinks) sink.close();
  assertDocuments(linesOf(json));
  const types = linesOf(json).map((line) => JSON.parse(line).event_type);
  return [linesOf(file), types];
}

const UNLOGGED: Report = {
  type: "unlogged",
  scans: 9,
  sources: 2,
  names: ["192.0.2.1", "192.0.2.2"].map((source) => ({
    source,
    standing: "seen",
    packets: 7,
  })),
  completed: 0,
};
const UNLOGGED_LINES = [
  "9 port scans of 2 sources not logged: 192.0.2.1",
  "Not logged either: 192.0.2.2",
];

const END: Report = {
  type: "end",
  source: "192.0.2.1",
  destination: HOST,
  otherDestinations: false,
  protocol: "tcp",
  duration: 2000,
  packets: 2,
  ports: 2,
  openPorts: [],
  verified: false,
  firstSeen: 0,
  completed: 2000,
};
const END_LINE =
  `192.0.2.1 scanned 2 ports of ${HOST} with 2 packets in 2.0 s @00:00:00`;

liveTest("a report of several lines is one object of JSON", {}, async () => {
  await using folder = await Folder.create();
  assertEquals(
    await written(folder.path, [UNLOGGED], ["--max-line", "1"]),
    [UNLOGGED_LINES, ["portscan_unlogged"]],
  );
});

liveTest(
  "lines tell the end of a scan with --summary, JSON always",
  {},
  async () => {
    await using silent = await Folder.create();
    await using telling = await Folder.create();
    assertEquals(
      await written(silent.path, [END], ["--utc"]),
      [[], ["portscan_end"]],
    );
    assertEquals(
      await written(telling.path, [END], ["--utc", "--summary"]),
      [[END_LINE], ["portscan_end"]],
    );
  },
);

/** Reaches a program in the middle of a pipeline. */
async function signalAll(host: Namespace, signal: Deno.Signal): Promise<void> {
  for (
    const pid of (await run(["ip", "netns", "pids", host.name])).split("\n")
  ) {
    Deno.kill(Number(pid), signal);
  }
}

liveTest("all sinks at once tell the same, in order", NEEDS, async () => {
  await using folder = await Folder.create();
  const { path } = folder;
  const [file, json, log] = [`${path}/lines`, `${path}/json`, `${path}/log`];
  await Deno.writeTextFile(file, "what stood there\n");
  using syslog = new SyslogSocket(log);
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, [
    ...NO_LIMIT,
    ...["-o", "syslog", "-o", `stdout,json,file:${file},json:${json}`],
  ], { log });
  await sendScans(two, 0, 20);
  await assertLines(() => daemon.stdout, 40);
  assertEquals(await daemon.stop(), 0, daemon.stderr.join("\n"));

  const lines = daemon.stdout.filter((line) => !line.startsWith("{"));
  const objects = daemon.stdout.filter((line) => line.startsWith("{"));
  assertEquals(sourcesIn(lines), sources(0, 20));
  assertEquals(linesOf(file), ["what stood there", ...lines]);
  assertEquals(linesOf(json), objects);
  await assertLines(() => syslog.lines(), 20);
  assertEquals(syslog.lines(), lines);
  const hostname = await two.host.run(["hostname"]);
  for (const [i, object] of objects.entries()) {
    const { timestamp, first_seen, interface: name, ...fields } = JSON.parse(
      object,
    );
    for (const time of [timestamp, first_seen]) {
      assertEquals(new Date(time).toISOString(), time);
      assert(Math.abs(Date.now() - Date.parse(time)) < 60_000, time);
    }
    assert(name === undefined || name === "eth0", name);
    assertEquals(fields, {
      event_type: "portscan",
      src_ip: sourceOf(i),
      src_port: 40_000,
      dest_ip: HOST,
      other_destinations: false,
      proto: "TCP",
      dest_ports: [21, 22, 23, 25, 53, 80, 111],
      tcp_flags: "02",
      tcp_flags_ever_set: "02",
      tos: 0,
      ttl: 64,
      rule: "classic",
      verified: false,
      host: hostname,
      message: lines[i],
    });
  }
});

liveTest(
  "a file's lines are one write each, appended, also by two programs at once",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const file = `${folder.path}/lines`;
    await using two = await TwoHosts.create();
    const args = [...NO_LIMIT, "-o", `file:${file}`];
    await using one = await startDaemon(two.host, args);
    await using other = await startDaemon(two.host, args);
    await sendScans(two, 0, 150);
    await assertLines(() => linesOf(file), 300);
    assertEquals(await one.stop(), 0);
    assertEquals(await other.stop(), 0);
    const counted = new Map<string, number>();
    const form = /^10\.80\.\d+\.\d+:40000 to \S+ ports .* @\d\d:\d\d:\d\d$/;
    for (const line of linesOf(file)) {
      assert(form.test(line), line);
      const [source] = sourcesIn([line]);
      counted.set(source, (counted.get(source) ?? 0) + 1);
    }
    assertEquals([...counted.keys()].sort(), sources(0, 150).sort());
    assertEquals(new Set(counted.values()), new Set([2]));
    const { mode } = await Deno.stat(file);
    assertEquals((mode ?? 0) & 0o777, 0o640);
  },
);

liveTest("files may be rotated by copying and truncating", NEEDS, async () => {
  await using folder = await Folder.create();
  const file = `${folder.path}/lines`;
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, [
    ...[...NO_LIMIT, "-o", `file:${file}`],
  ]);
  await sendScans(two, 0, 3);
  await assertLines(() => linesOf(file), 3);
  await run(["cp", file, `${file}.1`]);
  await run(["truncate", "-s", "0", file]);
  await sendScans(two, 3, 2);
  await assertLines(() => linesOf(file), 2);
  assertEquals(sourcesIn(linesOf(file)), sources(3, 2));
  assertEquals(sourcesIn(linesOf(`${file}.1`)), sources(0, 3));
  assertEquals(await daemon.stop(), 0);
});

liveTest(
  "a full disk stops no other sink, is told once, and so is its end",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const log = `${folder.path}/log`;
    using syslog = new SyslogSocket(log);
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...[...NO_LIMIT, "-o", "syslog,stdout,json:/run/small/json"],
    ], {
      log,
      setUp: [
        "mkdir /run/small",
        "mount -t tmpfs -o size=8k,mode=755 tmpfs /run/small",
      ].join("\n"),
    });
    const inside = `/proc/${daemon.pid}/fd`;
    await sendScans(two, 0, 60);
    await assertLines(() => daemon.stdout, 60);
    await assertLines(() => syslog.lines(), 60);
    assertEquals(syslog.lines(), daemon.stdout);
    assertEquals(daemon.stderr.slice(1), [
      "scanlogd: /run/small/json: cannot be written to, lines are lost",
    ]);
    // Somebody makes room: by the descriptor, for its path is not ours.
    const target = [...Deno.readDirSync(inside)].map(({ name }) =>
      `${inside}/${name}`
    ).find((fd) => Deno.readLinkSync(fd).endsWith("/small/json"));
    assert(target !== undefined);
    const before = linesOf(target).map((line) => JSON.parse(line));
    assert(before.length > 3 && before.length < 60);
    await run(["truncate", "-s", "0", target]);
    await sendScans(two, 60, 3);
    await assertLines(() => daemon.stdout, 63);
    const after = linesOf(target).filter((line) => line !== "");
    assertEquals(sourcesIn(after), sources(60, 3));
    assertEquals(assertDocuments(after), after.length);
    assertEquals(
      daemon.stderr.at(-1),
      "scanlogd: /run/small/json: written to again",
    );
    assertEquals(await daemon.stop(), 0, daemon.stderr.join("\n"));
    assertStringIncludes(
      await daemon.told("packets seen"),
      `, ${60 - before.length} lines lost to /run/small/json`,
    );
  },
);

liveTest(
  "a broken pipe on standard output stops no other sink and is told once",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const file = `${folder.path}/lines`;
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(
      two.host,
      [...NO_LIMIT, "-o", `stdout,file:${file}`],
      {
        as: [
          "sh",
          "-c",
          'trap : TERM; { trap : TERM; "$@"; echo "status $?" >&2; } | true',
          "sh",
        ],
      },
    );
    await sendScans(two, 0, 10);
    await assertLines(() => linesOf(file), 10);
    assertEquals(sourcesIn(linesOf(file)), sources(0, 10));
    const told = daemon.stderr.filter((line) =>
      line.startsWith("scanlogd: standard output: ")
    );
    assertEquals(told, [
      "scanlogd: standard output: Broken pipe (os error 32); lines are lost",
    ]);
    await signalAll(two.host, "SIGTERM");
    assertStringIncludes(
      await daemon.told("packets seen"),
      "10 scans, 0 suppressed, 10 lines lost to standard output",
    );
    // It has done its work, and said what it could not.
    await daemon.told("status 0");
  },
);

liveTest("a reader that does not read holds nothing up", NEEDS, async () => {
  await using folder = await Folder.create();
  const file = `${folder.path}/lines`;
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(
    two.host,
    [...NO_LIMIT, "-o", `stdout,file:${file}`],
    // A pipe holds 64 KiB; the reader only opens it.
    { as: ["sh", "-c", '"$@" | sleep 30', "sh"] },
  );
  await sendScans(two, 0, 1000);
  await assertLines(() => linesOf(file), 1000);
  assertEquals(daemon.stderr.length, 1);
  await signalAll(two.host, "SIGKILL");
});

/** Options, and what --check must say of them; "" if all is well. */
const CHECKS: [args: string[], says: string][] = [
  [["-o", "file:/run/lines,json:/run/json,stdout"], ""],
  [["-o", "file:/run/none/lines"], "--output file: /run/none/lines: "],
  [["-o", "json:/run"], "--output json: /run: "],
  [[], "cannot log to /dev/log: there is no such socket"],
  [["-o", "stdout", "-u", "nemo"], '--user: there is no user "nemo"'],
];

liveTest("--check opens everything and leaves nothing", NEEDS, async () => {
  await using folder = await Folder.create();
  await using two = await TwoHosts.create();
  for (const [args, says] of CHECKS) {
    await using check = launch(two.host, ["--check", ...args], {
      run: folder.path,
    });
    assertEquals(await check.end(), says === "" ? 0 : 1, args.join(" "));
    if (says === "") {
      assertEquals(check.stdout, ["scanlogd: everything is valid"]);
      assertEquals(check.stderr, []);
    } else {
      assertEquals(check.stderr.length, 1, check.stderr.join("\n"));
      assertStringIncludes(check.stderr[0], `scanlogd: ${says}`);
    }
    const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    assert(!left.includes("lines") && !left.includes("json"), left.join(" "));
  }
});
