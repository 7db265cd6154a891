import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually, pause } from "./processes.ts";
import { liveTest } from "./require.ts";
import { SyslogSocket } from "./syslog_socket.ts";

/** A line of counts without the number of packets. */
function withoutSeen(line: string): string {
  return line.replace(/\d+ packets seen/, "packets seen");
}

const NEEDS = { root: true, tools: ["ip", "unshare", "nmap", "hping3"] };

liveTest(
  "SIGUSR2 tells the counts here and in the log, the end tells them too",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    using syslog = new SyslogSocket(`${folder.path}/log`);
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [], {
      log: `${folder.path}/log`,
    });
    await two.scan();
    await eventually(() => syslog.lines().length > 0, () => "a line");
    daemon.signal("SIGUSR2");
    const told = await daemon.told("packets seen");
    const [, seen] =
      /^scanlogd: (\d+) packets seen, 0 dropped by the kernel, 1 sources, 1 scans, 0 suppressed$/
        .exec(told) ?? [];
    // All ports are closed, so one SYN for each comes, and perhaps IPv6's own.
    assert(Number(seen) >= 30 && Number(seen) < 40, told);
    const note = await eventually(
      () => syslog.messages.find((message) => message.includes("packets seen")),
      () => "the counts in the log",
    );
    // Facility daemon, level info.
    assertMatch(
      note,
      /^<30>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d scanlogd: \d/,
    );
    assertEquals(note.split("scanlogd: ")[1], told.split("scanlogd: ")[1]);

    assertEquals(await daemon.stop(), 0);
    const [first, last, ...more] = daemon.stderr.slice(1);
    assertEquals([first, ...more], [told]);
    // Neighbour discovery may have been heard since.
    assertEquals(withoutSeen(last), withoutSeen(told));
  },
);

liveTest("SIGUSR1 opens no debugger", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, ["-o", "stdout"]);
  // The runtime wants to open it half a second after start.
  await pause(700);
  daemon.signal("SIGUSR1");
  await pause(300);
  const listening = await two.host.run(["cat", "/proc/net/tcp"]);
  assertEquals(listening.split("\n").length, 1, listening);
  await two.scan();
  assertEquals(await daemon.stop(), 0);
  assertEquals(daemon.stdout.length, 1);
});

liveTest("what the kernel drops is counted and told", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, ["-o", "stdout"]);
  // Stopped, it fetches nothing while some 100,000 packets fill the ring.
  daemon.signal("SIGSTOP");
  await two.scanner.run([
    ...["sh", "-c", 'timeout 3 "$@" >/dev/null 2>&1 || true', "sh"],
    ...["hping3", "--flood", "--syn", "--count", "200000", "-p", "++1"],
    "10.77.0.2",
  ]);
  daemon.signal("SIGCONT");
  assertEquals(await daemon.stop(), 0);
  const counts = await daemon.told("packets seen");
  const [, seen, dropped] =
    /(\d+) packets seen, (\d+) dropped by the kernel/.exec(counts) ?? [];
  assert(Number(seen) > 10_000, counts);
  assert(Number(dropped) > 0, counts);
  const losses = await daemon.told("losses: ");
  assertEquals(
    losses,
    `scanlogd: losses: ${dropped} packets dropped by the kernel`,
  );
  assertEquals(daemon.stdout.length, 1);
});

liveTest("nothing is lost of 50,000 packets in a row", NEEDS, async () => {
  await using two = await TwoHosts.create();
  await using daemon = await startDaemon(two.host, ["-o", "stdout"]);
  await two.scanner.run([
    ...["sh", "-c", '"$@" >/dev/null 2>&1 || true', "sh"],
    ...["hping3", "-i", "u20", "--syn", "--count", "50000"],
    ...["-p", "++1", "10.77.0.2"],
  ]);
  assertEquals(await daemon.stop(), 0);
  const counts = await daemon.told("packets seen");
  assertMatch(counts, /^scanlogd: 50\d\d\d packets seen, 0 dropped/);
});
