import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import { eventually, Process, run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const PACKAGING = new URL("../../packaging/", import.meta.url).pathname;

/** `systemd-analyze security` gives this figure; 10.0 is unprotected. */
const EXPOSURE = 2.0;

async function withFolder(
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A packaging file with other paths in it, in a folder of its own. */
async function copy(
  name: string,
  folder: string,
  replacements: Readonly<Record<string, string>>,
): Promise<string> {
  let text = await Deno.readTextFile(PACKAGING + name);
  for (const [from, to] of Object.entries(replacements)) {
    assert(text.includes(from), `${name} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  const path = `${folder}/${name}`;
  await Deno.writeTextFile(path, text);
  return path;
}

/** Everything that a program has told. */
async function told(command: readonly string[]): Promise<string[]> {
  await using process = new Process(command);
  const code = await process.end();
  const lines = [...process.stdout, ...process.stderr];
  assertEquals(code, 0, lines.join("\n"));
  return lines;
}

liveTest(
  "systemd finds nothing wrong in the unit",
  { tools: ["systemd-analyze"] },
  () =>
    withFolder(async (folder) => {
      // It looks whether the program is there.
      const unit = await copy("scanlogd.service", folder, {
        "/usr/sbin/scanlogd": "/bin/true",
      });
      const lines = await told([
        ...["systemd-analyze", "verify", "--man=no", unit],
      ]);
      assertEquals(lines.filter((line) => line.includes(folder)), []);
    }),
);

liveTest(
  `systemd gives the unit an exposure of at most ${EXPOSURE.toFixed(1)}`,
  { tools: ["systemd-analyze"] },
  async () => {
    const unit = `${PACKAGING}scanlogd.service`;
    const text = await run([
      ...["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
    ]);
    const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(text) ?? [];
    assert(exposure !== undefined, text);
    assertLessOrEqual(Number(exposure), EXPOSURE);
  },
);

liveTest(
  "systemd makes the user and the directory that the program wants",
  { root: true, tools: ["systemd-sysusers", "systemd-tmpfiles"] },
  () =>
    withFolder(async (root) => {
      await Deno.mkdir(`${root}/etc`);
      await run([
        ...["systemd-sysusers", `--root=${root}`],
        `${PACKAGING}scanlogd.sysusers`,
      ]);
      const users = await Deno.readTextFile(`${root}/etc/passwd`);
      const user = users.split("\n").find((one) => one.startsWith("scanlogd:"));
      assert(/:\/:\/usr\/sbin\/nologin$/.test(user ?? ""), users);

      await run([
        ...["systemd-tmpfiles", "--create", `--root=${root}`],
        `${PACKAGING}scanlogd.tmpfiles`,
      ]);
      const { mode, uid } = await Deno.stat(`${root}/var/empty`);
      assertEquals([mode! & 0o7777, uid], [0o755, 0]);
    }),
);

liveTest(
  "shellcheck finds nothing wrong in the rc script",
  { tools: ["shellcheck"] },
  async () => {
    assertEquals(await told(["shellcheck", `${PACKAGING}scanlogd.init`]), []);
  },
);

liveTest(
  "logrotate empties a file and goes on writing to it",
  { root: true, tools: ["logrotate"] },
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/scanlogd`);
      const log = `${folder}/scanlogd/scans.log`;
      await Deno.writeTextFile(log, "a line\n");
      const { ino } = await Deno.stat(log);
      const path = await copy("scanlogd.logrotate", folder, {
        "/var/log/": `${folder}/`,
      });
      await run([
        ...["logrotate", "--force", "--state", `${folder}/state`, path],
      ]);
      assertEquals((await Deno.stat(log)).ino, ino);
      assertEquals(await Deno.readTextFile(log), "");
      assertEquals(await Deno.readTextFile(`${log}.1`), "a line\n");
    }),
);

liveTest(
  "logrotate takes a fleet's file besides those of the service",
  { root: true, tools: ["logrotate"] },
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/scanlogd`);
      const log = `${folder}/scanlogd/probes.jsonl`;
      await Deno.writeTextFile(log, "x".repeat(17 << 20));
      const places = { "/var/log/": `${folder}/` };
      await Deno.mkdir(`${folder}/fleet`);
      const paths = [
        await copy("scanlogd.logrotate", folder, places),
        await copy("fleet/scanlogd-fleet.logrotate", folder, places),
      ];
      await run(["logrotate", "--state", `${folder}/state`, ...paths]);
      assertEquals((await Deno.stat(log)).size, 0);
    }),
);

liveTest(
  "rsyslogd puts scans into their file, and nothing else",
  { root: true, tools: ["rsyslogd", "logger"] },
  () =>
    withFolder(async (folder) => {
      const snippet = await copy("scanlogd.rsyslog", folder, {
        "/var/log/": `${folder}/`,
      });
      const configuration = `${folder}/rsyslog.conf`;
      await Deno.writeTextFile(
        configuration,
        `module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="${folder}/log")
include(file="${snippet}")
*.* action(type="omfile" file="${folder}/all")
`,
      );
      await using rsyslogd = new Process([
        ...["rsyslogd", "-n", "-f", configuration, "-i", `${folder}/pid`],
      ]);
      const send = async (tag: string, priority: string, text: string) => {
        await run([
          ...["logger", "-u", `${folder}/log`, "-t", tag, "-p", priority, text],
        ]);
      };
      await eventually(
        () => exists(`${folder}/log`) || rsyslogd.code >= 0,
        () => "rsyslogd's socket",
      );
      await send("other", "daemon.alert", "of another program");
      await send("scanlogd", "daemon.info", "about itself");
      await send("scanlogd", "daemon.alert", "a scan");
      await send("other", "daemon.info", "the end");
      await eventually(
        () => read(`${folder}/all`).includes("the end"),
        () => `the lines in the log\n${rsyslogd.stderr.join("\n")}`,
      );
      const lines = read(`${folder}/scanlogd.log`).trimEnd().split("\n");
      assertEquals(lines.length, 1, lines.join("\n"));
      assert(lines[0].endsWith(" scanlogd: a scan"), lines[0]);
    }),
);

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  return exists(path) ? Deno.readTextFileSync(path) : "";
}

/** Stands for the program: goes into the background and waits. */
const STAND_IN = `#!/bin/sh
echo "$@" >"FOLDER/arguments"
FOLDER/bin/scanlogd 60 >/dev/null 2>&1 &
echo $! >"$3"
`;

liveTest(
  "the rc script starts, finds, reloads and stops the program",
  { root: true, tools: ["sh", "sleep"] },
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/bin`);
      await run(["cp", "/bin/sleep", `${folder}/bin/scanlogd`]);
      const standIn = `${folder}/scanlogd`;
      await Deno.writeTextFile(standIn, STAND_IN.replaceAll("FOLDER", folder));
      await Deno.chmod(standIn, 0o755);
      const defaults = `${folder}/defaults`;
      await Deno.writeTextFile(defaults, 'OPTIONS="--classic --utc"\n');
      const script = await copy("scanlogd.init", folder, {
        "/usr/sbin/scanlogd": standIn,
        "/run/scanlogd.pid": `${folder}/pid`,
        "/etc/default/scanlogd": defaults,
      });
      const perform = async (action: string) => {
        await using process = new Process(["sh", script, action]);
        return await process.end();
      };

      assertEquals(await perform("status"), 3);
      assertEquals(await perform("reload"), 7);
      assertEquals(await perform("start"), 0);
      assertEquals(
        read(`${folder}/arguments`),
        `--daemon --pid-file ${folder}/pid --classic --utc\n`,
      );
      const pid = read(`${folder}/pid`);
      assertEquals(await perform("status"), 0);
      assertEquals(await perform("start"), 0);
      assertEquals(read(`${folder}/pid`), pid, "it started a second one");
      assertEquals(await perform("restart"), 0);
      assert(read(`${folder}/pid`) !== pid);
      assertEquals(await perform("stop"), 0);
      assertEquals(await perform("status"), 1);
      assertEquals(await perform("stop"), 0);

      // Whoever has the number now is not ours to end.
      await Deno.writeTextFile(`${folder}/pid`, `${Deno.pid}\n`);
      assertEquals(await perform("stop"), 0);
      assertEquals(await perform("status"), 1);
      assertEquals(await perform("nonsense"), 2);
    }),
);
