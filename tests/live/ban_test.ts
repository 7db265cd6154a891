/** From a scan to a ban, as docs/integrations.md describes it. */

import { assert, assertEquals } from "../assert.ts";
import { startFail2ban } from "../packaging/fail2ban_server.ts";
import { codeBlocks, read } from "../pages.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { SCANNER, TwoHosts } from "./namespaces.ts";
import { eventually, run } from "./processes.ts";
import { liveTest } from "./require.ts";
import { linesOf, startRsyslogd } from "./rsyslogd.ts";

/** The section on fail2ban. */
const [SECTION] = read("docs/integrations.md").split("\n## fail2ban\n")[1]
  .split("\n## ");
const LOG = "/var/log/scanlogd.log";

/** The command of the page that has rsyslog make its file, for this socket. */
function makeLog(socket: string): string[] {
  const [command] = /logger .*/.exec(codeBlocks(SECTION, "sh").join("")) ?? [];
  assert(command !== undefined, SECTION);
  return ["sh", "-c", command.replace("logger", `logger --socket ${socket}`)];
}

liveTest(
  "fail2ban bans who scans, through rsyslog and the jail of the page",
  {
    root: true,
    tools: ["ip", "unshare", "nmap", "rsyslogd", "logger", "fail2ban-server"],
  },
  async () => {
    await using folder = await Folder.create();
    const { path } = folder;
    const log = `${path}/scanlogd.log`;
    const snippet = read("packaging/scanlogd.rsyslog").replace(LOG, log);
    await using _rsyslogd = await startRsyslogd(path, snippet);
    await run(makeLog(`${path}/log`));
    await eventually(() => linesOf(log).length > 0, () => "the log file");

    const [jail] = codeBlocks(SECTION, "ini");
    await using fail2ban = await startFail2ban(
      `${path}/fail2ban`,
      `${jail}logpath = ${log}`,
    );
    await using two = await TwoHosts.create();
    const options = ["--syslog-socket", `${path}/log`];
    await using _daemon = await startDaemon(two.host, options);
    await two.scan();
    const banned = `${path}/fail2ban/banned`;
    await eventually(
      () => linesOf(banned).length > 0,
      () => `a ban\n${linesOf(log).join("\n")}\n${fail2ban.stderr.join("\n")}`,
    );
    assertEquals(linesOf(banned), [SCANNER]);
  },
);
