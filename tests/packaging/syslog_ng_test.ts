import { assert, assertEquals } from "../assert.ts";
import { eventually, Process, run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";
import { linesOf } from "../live/rsyslogd.ts";

const SNIPPET = new URL(
  "../../packaging/syslog-ng/scanlogd.conf",
  import.meta.url,
).pathname;

/** As Debian's configuration is, with our file in it. */
async function writeConfiguration(folder: string): Promise<string> {
  const snippet = (await Deno.readTextFile(SNIPPET))
    .replaceAll("/var/log/", `${folder}/`);
  const path = `${folder}/syslog-ng.conf`;
  await Deno.writeTextFile(
    path,
    `@version: 3.38
source s_src { unix-dgram("${folder}/socket"); };
destination d_all { file("${folder}/all"); };
log { source(s_src); destination(d_all); };
${snippet}`,
  );
  return path;
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket ?? false;
  } catch {
    return false;
  }
}

liveTest(
  "syslog-ng puts scans into their file, and nothing else",
  { root: true, tools: ["syslog-ng", "logger"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      const path = await writeConfiguration(folder);
      const files = ["-R", "persist", "-c", "control", "-p", "pid"]
        .map((text) => text.startsWith("-") ? text : `${folder}/${text}`);
      await using syslogNg = new Process([
        ...["syslog-ng", "-F", "--no-caps", "-f", path, ...files],
      ]);
      await eventually(
        () => isSocket(`${folder}/socket`) || syslogNg.code >= 0,
        () => "syslog-ng's socket",
      );
      const send = (tag: string, priority: string, text: string) =>
        run([
          ...["logger", "-u", `${folder}/socket`, "-d"],
          ...["-t", tag, "-p", priority, text],
        ]);
      await send("other", "daemon.alert", "of another program");
      await send("xscanlogd", "daemon.alert", "of a similar program");
      await send("scanlogd", "daemon.info", "about itself");
      await send("scanlogd", "daemon.alert", "a scan");
      await send("other", "daemon.info", "the end");
      const all = () => linesOf(`${folder}/all`);
      await eventually(
        () => all().some((line) => line.endsWith("the end")),
        () => `the lines in the log\n${syslogNg.stderr.join("\n")}`,
      );
      const scans = await eventually(
        () => {
          const lines = linesOf(`${folder}/scanlogd.log`);
          return lines.length > 0 && lines;
        },
        () => "the scan in its file",
      );
      assertEquals(scans.length, 1, scans.join("\n"));
      assert(scans[0].endsWith(" scanlogd: a scan"), scans[0]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
