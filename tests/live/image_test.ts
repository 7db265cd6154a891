/** The container image, as far as it goes without a place to fetch images from. */

import { assert, assertEquals } from "../assert.ts";
import { startDaemon } from "./daemon.ts";
import { TwoHosts } from "./namespaces.ts";
import { eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const COMPOSE = `${ROOT}compose.yaml`;

/** The items of a list in the compose file, as docker-compose understands it. */
async function listed(key: string): Promise<string[]> {
  const text = await run(["docker-compose", "--file", COMPOSE, "config"]);
  const [, items] = new RegExp(`^ +${key}:\n((?: +- .*\n)+)`, "m")
    .exec(text) ?? [];
  assert(items !== undefined, text);
  return items.trimEnd().split("\n").map((line) => line.replace(/^ +- /, ""));
}

liveTest("dockerfilelint finds nothing wrong", { tools: ["npx"] }, async () => {
  await using lint = new Process([
    ...["npx", "-y", "dockerfilelint@1.8.0", `${ROOT}Containerfile`],
  ]);
  const code = await lint.end();
  const said = lint.stdout.join("\n");
  assertEquals(code, 0, said);
  assert(said.includes("Issues: None found"), said);
});

liveTest(
  "what the compose file grants is enough, the kernel's port memory included",
  {
    root: true,
    tools: ["ip", "unshare", "setpriv", "nmap", "docker-compose"],
  },
  async () => {
    assertEquals(await listed("cap_drop"), ["ALL"]);
    assertEquals(await listed("security_opt"), ["no-new-privileges:true"]);
    const names = (await listed("cap_add")).map((name) => name.toLowerCase());
    const set = ["-all", ...names.map((name) => `+${name}`)].join(",");
    await using two = await TwoHosts.create();
    await using daemon = await startDaemon(two.host, [
      ...await listed("command"),
      "--verbose",
    ], {
      setUp: [
        "mkdir -p /run/scanlogd",
        "mount -t tmpfs -o mode=755 tmpfs /run/scanlogd",
        ...["/run", "/var", "/"].map((path) =>
          `mount -o remount,bind,ro ${path}`
        ),
      ].join("\n"),
      as: [
        ...["setpriv", "--no-new-privs", `--bounding-set=${set}`],
        "--inh-caps=-all",
      ],
    });
    await daemon.told("the kernel remembers which ports are in use");
    assert(!daemon.stderr.some((line) => / is missing/.test(line)));
    await two.scan();
    await eventually(() => daemon.stdout.length > 0, () => "a line");
    assertEquals(await daemon.stop(), 0);
  },
);

liveTest(
  "what the image is built from is all that it takes",
  { tools: ["cp"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      const lines = (await Deno.readTextFile(`${ROOT}.dockerignore`))
        .split("\n").filter((line) => line.startsWith("!"));
      for (const line of lines) {
        const name = line.slice(1);
        await run(["cp", "-r", ROOT + name, `${folder}/${name}`]);
      }
      await run([
        ...[Deno.execPath(), "run", "--allow-all"],
        ...[`${folder}/packaging/compile.ts`, "--output", `${folder}/scanlogd`],
      ], { env: { DENORT_BIN: Deno.execPath() } });
      assert((await Deno.stat(`${folder}/scanlogd`)).isFile);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
