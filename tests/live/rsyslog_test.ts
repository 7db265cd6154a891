import { assert, assertEquals } from "../assert.ts";
import { Folder, startDaemon, startReference } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf, startRsyslogd } from "./rsyslogd.ts";

/** Two programs may look at the clock on both sides of a second. */
function withoutTimes(line: string): string {
  return line.replaceAll(/\d\d:\d\d:\d\d/g, "HH:MM:SS");
}

liveTest(
  "the line stands in rsyslogd's file as the reference's does",
  {
    root: true,
    tools: ["ip", "unshare", "nmap", "rsyslogd", "scanlogd"],
  },
  async () => {
    await using folder = await Folder.create();
    await using _rsyslogd = await startRsyslogd(folder.path);
    const log = `${folder.path}/log`;
    await using two = await TwoHosts.create();
    await startReference(two.host, log);
    await using daemon = await startDaemon(two.host, ["--syslog-socket", log]);
    await two.scan();
    const alerts = await eventually(
      () => {
        const lines = linesOf(`${folder.path}/alert`);
        return lines.length >= 2 && lines;
      },
      () => "two lines in the log",
    );
    assertEquals(alerts.length, 2);
    assertEquals(withoutTimes(alerts[0]), withoutTimes(alerts[1]));
    const form =
      /^[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \S+ scanlogd: 10\.77\.0\.1:\d+ to 10\.77\.0\.2 ports .* @\d\d:\d\d:\d\d$/;
    assert(form.test(alerts[0]), alerts[0]);

    daemon.signal("SIGUSR2");
    await eventually(
      () => linesOf(`${folder.path}/info`).length > 0,
      () => "the counts in the log",
    );
  },
);
