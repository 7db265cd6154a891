import { assertEquals, assertMatch } from "../assert.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually } from "./processes.ts";
import { liveTest } from "./require.ts";
import { SyslogSocket } from "./syslog_socket.ts";

const NEEDS = { root: true, tools: ["ip", "unshare", "nmap"] };

liveTest(
  "a scan is one line, in the log and on standard output",
  NEEDS,
  async () => {
    await using folder = await Folder.create();
    using syslog = new SyslogSocket(`${folder.path}/log`);
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...["--output", "syslog,stdout"],
    ], { log: `${folder.path}/log` });
    await two.scan();
    // A line takes 50 ms; a busy machine may take longer.
    await eventually(
      () => daemon.stdout.length > 0,
      () => "a line soon after the scan",
      1_000,
    );
    assertEquals(await daemon.stop(), 0);
    assertMatch(
      daemon.stdout[0],
      /^10\.77\.0\.1:\d+ to 10\.77\.0\.2 ports .*, \.\.\., fSrpauxy, TOS 00 @\d\d:\d\d:\d\d$/,
    );
    assertEquals(syslog.lines(), daemon.stdout);
  },
);
