import { assert, assertEquals, assertMatch } from "../assert.ts";
import { Folder, startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually } from "./processes.ts";
import { liveTest } from "./require.ts";

liveTest(
  "--trial shows the first scan on a machine where nothing is installed",
  { root: true, tools: ["ip", "unshare", "nmap"] },
  async () => {
    await using folder = await Folder.create();
    const run = `${folder.path}/run`;
    await Deno.mkdir(run);
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, ["--trial"], {
      user: false,
      empty: false,
      run,
    });
    const [standIns, ...rest] = daemon.stderr;
    assertMatch(
      standIns,
      /^scanlogd: trial: uid \d+ instead of user "scanlogd", an empty directory instead of \/var\/empty, no syslog at \/dev\/log$/,
    );
    assertEquals(rest, ["scanlogd: watching: raw, all interfaces"]);
    const left = [...Deno.readDirSync(run)].map(({ name }) => name);
    assertEquals(left.filter((name) => name.includes("scanlogd")), []);
    assertEquals([...Deno.readDirSync(`/proc/${daemon.pid}/root/`)], []);

    const [, uid] = /uid (\d+)/.exec(standIns) ?? [];
    assert(Number(uid) >= 61_184 && Number(uid) <= 65_519, uid);
    const status = Deno.readTextFileSync(`/proc/${daemon.pid}/status`);
    assertMatch(status, new RegExp(`^Uid:(\\t${uid}){4}$`, "m"));
    assertMatch(status, new RegExp(`^Gid:(\\t${uid}){4}$`, "m"));

    await two.scan();
    await eventually(() => daemon.stdout.length > 0, () => "a line");
    assertEquals(await daemon.stop(), 0);
    assertEquals(daemon.stdout.length, 1);
  },
);
