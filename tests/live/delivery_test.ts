/** No line is lost, whatever becomes of syslogd. */

import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually, pause, type Process } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf, startRsyslogd } from "./rsyslogd.ts";
import { sendScans, sources, sourcesIn } from "./scans.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "python3", "rsyslogd"] };
const SCANS = 200;
/** Messages that wait at most. */
const QUEUE = 4096;
const NO_LIMIT = ["--log-burst", "0"];

/** Waits for so many lines in a file of rsyslogd's; they must be in order. */
async function assertLogged(
  folder: string,
  count: number,
  file = "alert",
): Promise<void> {
  const path = `${folder}/${file}`;
  await eventually(
    () => linesOf(path).length >= count,
    () => `${count} lines in ${path}, there are ${linesOf(path).length}`,
  );
  await pause(300);
  assertEquals(sourcesIn(linesOf(path)), sources(0, count));
}

/** Ends it; it must have lost neither packets nor lines. */
async function assertNothingLost(daemon: Process, scans: number) {
  assertEquals(await daemon.stop(), 0, daemon.stderr.join("\n"));
  const told = await daemon.told("packets seen");
  assertStringIncludes(told, " 0 dropped by the kernel,");
  assert(told.endsWith(` ${scans} scans, 0 suppressed`), told);
}

/** Where syslogd's socket is for the daemon. */
const PLACES = {
  "a plain socket": (folder: string) => ({
    args: ["--syslog-socket", `${folder}/log`],
    options: {},
  }),
  "a symbolic link": (folder: string) => ({
    args: [],
    options: { log: `${folder}/log` },
  }),
};

for (const [place, where] of Object.entries(PLACES)) {
  liveTest(
    `${place}: rsyslogd killed, ${SCANS} scans, rsyslogd started: each is in the log`,
    NEEDS,
    async () => {
      await using folder = await Folder.create();
      const { path } = folder;
      await using two = await TwoHosts.create();
      const first = await startRsyslogd(path);
      const { args, options } = where(path);
      await using daemon = await startDaemon(
        two.host,
        [...NO_LIMIT, ...args],
        options,
      );
      await sendScans(two, 0, 5);
      await assertLogged(path, 5);
      await first[Symbol.asyncDispose]();
      await sendScans(two, 5, SCANS);
      await pause(500);
      assertEquals(linesOf(`${path}/alert`).length, 5);
      await using _second = await startRsyslogd(path);
      await assertLogged(path, 5 + SCANS);
      await sendScans(two, 5 + SCANS, 5);
      await assertLogged(path, 10 + SCANS);
      await assertNothingLost(daemon, 10 + SCANS);
    },
  );
}

liveTest(
  `rsyslogd stalled for 10 seconds, ${SCANS} scans: each is in the log`,
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const { path } = folder;
    await using two = await TwoHosts.create();
    await using rsyslogd = await startRsyslogd(path);
    await using daemon = await startDaemon(two.host, NO_LIMIT, {
      log: `${path}/log`,
    });
    rsyslogd.signal("SIGSTOP");
    await sendScans(two, 0, SCANS / 2);
    await pause(10_000);
    await sendScans(two, SCANS / 2, SCANS / 2);
    rsyslogd.signal("SIGCONT");
    await assertLogged(path, SCANS);
    await assertNothingLost(daemon, SCANS);
  },
);

liveTest(
  "what the queue cannot hold is counted, and told when syslogd is back",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const { path } = folder;
    await using two = await TwoHosts.create();
    const first = await startRsyslogd(path);
    await using daemon = await startDaemon(two.host, NO_LIMIT, {
      log: `${path}/log`,
    });
    await first[Symbol.asyncDispose]();
    const scans = QUEUE + 300;
    await sendScans(two, 0, scans);
    await pause(200);
    await using _second = await startRsyslogd(path);
    await assertLogged(path, QUEUE);
    const [told, ...others] = linesOf(`${path}/warning`);
    assertStringIncludes(told, " 300 lines were lost while syslogd took none");
    assertEquals(others, []);
    assertEquals(await daemon.stop(), 0);
    assertStringIncludes(
      await daemon.told("packets seen"),
      ` 0 dropped by the kernel, ${scans} sources, ${scans} scans, 0 suppressed, 300 lines lost to syslog (/dev/log)`,
    );
    assertStringIncludes(await daemon.told("losses: "), " 300 lines lost");
  },
);

liveTest(
  "with another sink it starts without syslogd, tells it, and delivers later",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    const { path } = folder;
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(
      two.host,
      [...NO_LIMIT, "-o", "syslog,stdout"],
      { log: `${path}/log` },
    );
    assertEquals(
      daemon.stderr[0],
      "scanlogd: cannot log to /dev/log: there is no such socket; start syslogd, name its socket with --syslog-socket, or choose another --output; lines wait until it is there",
    );
    await sendScans(two, 0, 20);
    await eventually(() => daemon.stdout.length === 20, () => "20 lines");
    await using _rsyslogd = await startRsyslogd(path);
    await assertLogged(path, 20);
    await assertNothingLost(daemon, 20);
  },
);

liveTest("SIGHUP connects to a socket that was replaced", NEEDS, async () => {
  await using folder = await Folder.create();
  const { path } = folder;
  await using two = await TwoHosts.create();
  await using first = await startRsyslogd(path);
  await using daemon = await startDaemon(two.host, NO_LIMIT, {
    log: `${path}/log`,
  });
  // The first one goes on listening, but nobody finds it there any more.
  const other = `${path}/other`;
  await Deno.mkdir(other);
  await using _second = await startRsyslogd(other);
  await Deno.rename(`${other}/log`, `${path}/log`);
  await sendScans(two, 0, 1);
  await assertLogged(path, 1);
  daemon.signal("SIGHUP");
  await pause(100);
  await sendScans(two, 1, 1);
  await eventually(
    () => linesOf(`${other}/alert`).length > 0,
    () => "a line at the new one",
  );
  assertEquals(sourcesIn(linesOf(`${other}/alert`)), sources(1, 1));
  assertEquals(linesOf(`${path}/alert`).length, 1);
  assertEquals(first.code, -1);
  await assertNothingLost(daemon, 2);
});

liveTest(
  "without syslogd the end takes at most some seconds",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    await using two = await TwoHosts.create();
    const rsyslogd = await startRsyslogd(folder.path);
    await using daemon = await startDaemon(two.host, NO_LIMIT, {
      log: `${folder.path}/log`,
    });
    await rsyslogd[Symbol.asyncDispose]();
    await sendScans(two, 0, 3);
    await pause(200);
    const start = performance.now();
    assertEquals(await daemon.stop(), 0);
    assert(performance.now() - start < 3000);
    assertStringIncludes(
      await daemon.told("packets seen"),
      ", 3 lines lost to syslog (/dev/log)",
    );
  },
);
