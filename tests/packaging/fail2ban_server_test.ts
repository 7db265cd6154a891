import { assertEquals } from "../assert.ts";
import { eventually } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";
import { linesOf } from "../live/rsyslogd.ts";
import { startFail2ban } from "./fail2ban_server.ts";
import { FURTHER, OTHERS, SCAN } from "./lines.ts";

/** As rsyslogd writes it now. */
function framed(line: string): string {
  return `${new Date().toISOString().replace("Z", "+00:00")} my-host ${line}\n`;
}

liveTest(
  "fail2ban bans each source that a line names, and nobody else",
  { root: true, tools: ["fail2ban-server"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      const log = `${folder}/log`;
      await Deno.writeTextFile(log, "");
      const jail = "[scanlogd]\nenabled = true\nbackend = polling\n";
      await using server = await startFail2ban(
        folder,
        `${jail}logpath = ${log}`,
      );
      const last = SCAN.replace("192.0.2.7", "192.0.2.8");
      const lines = [
        ...OTHERS,
        ...FURTHER.map(([line]) => `scanlogd: ${line}`),
        `scanlogd: ${last}`,
      ];
      const append = { append: true };
      await Deno.writeTextFile(log, lines.map(framed).join(""), append);
      await eventually(
        () => linesOf(`${folder}/banned`).includes("192.0.2.8"),
        () => `a ban\n${server.stderr.join("\n")}`,
      );
      const sources = FURTHER.map(([, source]) => source);
      assertEquals(
        linesOf(`${folder}/banned`).sort(),
        [...new Set([...sources, "192.0.2.8"])].sort(),
      );
      assertEquals(await server.stop(), 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
