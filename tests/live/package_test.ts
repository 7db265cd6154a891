/** The package and the tarball, installed, upgraded and removed for real. */

import { makeDeb } from "../../packaging/deb.ts";
import { makeRpm } from "../../packaging/rpm.ts";
import { makeTarball } from "../../packaging/tarball.ts";
import { assert, assertEquals } from "../assert.ts";
import { eventually, Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const HERE = new URL("./", import.meta.url).pathname;
const CHECKOUT = new URL("../../", import.meta.url).pathname;
const TIME = Date.UTC(2026, 0, 2) / 1000;

const PATIENCE_MS = 240_000;

/** Stands for the executable. */
const PROGRAM = `#!/bin/sh
export DENO_DIR=/opt/cache DENO_NO_UPDATE_CHECK=1
exec /opt/deno run --no-prompt --no-code-cache --cached-only --allow-ffi --allow-read /opt/checkout/main.ts "$@"
`;

async function withFolder(
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    await Deno.chmod(folder, 0o755);
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Makes the tarball and unpacks it as the folder "tarball". */
async function unpackTarball(folder: string, binary: string): Promise<void> {
  const release = { version: "1.0.0", time: TIME, binary, output: folder };
  const path = await makeTarball(release, "x86_64-unknown-linux-gnu");
  await Deno.mkdir(`${folder}/tarball`);
  await run([
    ...["tar", "-xzf", path, "-C", `${folder}/tarball`],
    "--strip-components=1",
  ]);
}

/** Makes what the script installs, boots, and returns what it has told. */
async function boot(folder: string): Promise<string[]> {
  const binary = `${folder}/program`;
  await Deno.writeTextFile(binary, PROGRAM);
  for (const [name, version] of [["old", "1.0.0"], ["new", "1.1.0"]]) {
    const release = { version, time: TIME, binary, output: folder };
    await Deno.rename(await makeDeb(release), `${folder}/${name}.deb`);
  }
  await unpackTarball(folder, binary);
  await Deno.mkdir(`${folder}/files`);
  await Deno.copyFile(`${HERE}package/script.bash`, `${folder}/script`);
  const { denoDir } = JSON.parse(
    await run([Deno.execPath(), "info", "--json"]),
  );
  await using systemd = new Process([
    ...["bash", `${HERE}systemd/boot.bash`, folder],
  ], { env: { DENO: Deno.execPath(), CACHE: denoDir, CHECKOUT } });
  // A busy machine takes long for that many installations and removals.
  await eventually(() => systemd.code >= 0, () => "the end of it", PATIENCE_MS);
  const told = await Deno.readTextFile(`${folder}/told`).catch(() => "");
  assert(told !== "", systemd.stderr.join("\n"));
  return told.trimEnd().split("\n");
}

/** What stands behind a title at the start of lines. */
function behind(lines: readonly string[], title: string): string[] {
  return lines.filter((line) => line.startsWith(`${title}: `))
    .map((line) => line.slice(title.length + 2).trim());
}

liveTest(
  "lintian finds no error and no warning in the .deb",
  { tools: ["dh", "fakeroot", "lintian"] },
  () =>
    withFolder(async (output) => {
      const release = { version: "1.0.0", time: TIME, binary: "/bin/true" };
      const path = await makeDeb({ ...release, output });
      assertEquals(await run(["lintian", "--allow-root", path]), "");
    }),
);

liveTest(
  "the package comes, is upgraded and goes, on a machine that systemd has booted",
  {
    root: true,
    tools: ["unshare", "systemctl", "dh", "fakeroot", "scanlogd", "dpkg"],
  },
  (t) =>
    withFolder(async (folder) => {
      const lines = await boot(folder);
      const text = lines.join("\n");
      const told = (title: string) => behind(lines, title);

      await t.step("the tarball leaves another package's script alone", () => {
        assertEquals(told("foreign"), [
          "/etc/init.d/scanlogd is not ours (package scanlogd): it stays as it is",
        ], text);
        assertEquals(told("after the tarball").slice(0, -1), [], text);
      });
      await t.step(
        "it takes the place of Debian's, whose purge is no harm",
        () => {
          assertEquals(told("instead of Debian's"), ["0 active enabled"], text);
          assertEquals(told("without Debian's"), ["0 active enabled"], text);
        },
      );
      await t.step("systemd starts it, and it finds a scan", () => {
        assertEquals(told("installed"), ["0 active enabled"], text);
        assertEquals(told("scan").length, 1, text);
        assert(told("scan")[0].startsWith("127.0.0.1"), text);
      });
      await t.step("an upgrade starts it anew and keeps configuration", () => {
        assertEquals(told("upgraded"), ["0 active enabled"], text);
        assertEquals(told("restarted"), ["yes"], text);
        assertEquals(told("version"), ["scanlogd-deno\t1.1.0-1"], text);
        assertEquals(told("installed again"), ["0 active enabled"], text);
        const kept = 'OPTIONS="--utc"';
        assertEquals(told("configuration"), [kept, kept, kept], text);
      });
      await t.step("removed, it is gone; purged, so is all of it", () => {
        assertEquals(told("removed"), ["0 inactive"], text);
        assert(told("program")[0].includes("No such file"), text);
        assertEquals(told("purged"), ["0 inactive"], text);
        assertEquals(told("after the purge"), [""], text);
      });
    }),
);

/** Every file and directory below the root, without what a test has put there. */
async function listRoot(root: string): Promise<string[]> {
  const text = await run([
    "find",
    root,
    "-path",
    `${root}/bin`,
    "-prune",
    "-o",
    "-print",
  ]);
  return text.split("\n").map((path) => path.slice(root.length))
    .filter((path) => !path.startsWith("/mnt")).sort();
}

/** A machine of one program, busybox: neither Deno nor npm, nor glibc. */
async function makeRoot(folder: string): Promise<string> {
  const root = `${folder}/root`;
  for (const name of ["bin", "dev", "tmp", "mnt"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
  }
  await run(["mknod", "-m", "666", `${root}/dev/null`, "c", "1", "3"]);
  await run(["cp", "/usr/bin/busybox", `${root}/bin/busybox`]);
  await run(["chroot", root, "/bin/busybox", "--install", "/bin"]);
  return root;
}

liveTest(
  "the tarball is installed and removed where there is nothing but a shell and its tools",
  { root: true, tools: ["chroot", "busybox", "tar"] },
  () =>
    withFolder(async (folder) => {
      const root = await makeRoot(folder);
      await unpackTarball(folder, "/usr/bin/busybox");
      await run(["cp", "-r", `${folder}/tarball`, `${root}/mnt`]);
      const inside = (...command: string[]) =>
        run([
          ...["chroot", root, "/bin/env", "-i", "PATH=/bin", "/bin/sh", "-c"],
          'exec "$@"',
          ...["sh", ...command],
        ]);
      for (const name of ["deno", "npm", "npx", "node"]) {
        assertEquals(
          await inside("sh", "-c", `command -v ${name} || true`),
          "",
        );
      }
      const before = await listRoot(root);
      const told = await inside("/mnt/tarball/install");
      assert(told.includes("  systemctl enable --now scanlogd"), told);
      assert(told.includes("/usr/local/share/scanlogd/uninstall"), told);
      const { mode } = await Deno.stat(`${root}/usr/local/sbin/scanlogd`);
      assertEquals(mode! & 0o7777, 0o755);
      const once = await listRoot(root);
      assert(once.length > before.length + 19, once.join("\n"));
      await inside("/mnt/tarball/install");
      assertEquals(await listRoot(root), once);
      await inside("/usr/local/share/scanlogd/uninstall");
      assertEquals(await listRoot(root), before);
    }),
);

liveTest(
  "the .rpm comes, is upgraded and goes, and keeps changed configuration",
  { root: true, tools: ["unshare", "rpm", "rpmbuild", "chroot"] },
  () =>
    withFolder(async (folder) => {
      for (const [name, version] of [["old", "1.0.0"], ["new", "1.1.0"]]) {
        const release = { version, time: TIME, binary: "/bin/true" };
        const path = await makeRpm({ ...release, output: folder });
        await Deno.rename(path, `${folder}/${name}.rpm`);
      }
      const lines = (await run([
        ...["unshare", "--mount", "bash", `${HERE}package/rpm.bash`, folder],
      ])).split("\n");
      const text = lines.join("\n");
      assert(behind(lines, "user")[0].startsWith("scanlogd:x:"), text);
      assertEquals(behind(lines, "version"), [
        `scanlogd-deno-1.1.0-1.${Deno.build.arch}`,
      ], text);
      assertEquals(behind(lines, "configuration"), ['OPTIONS="--utc"'], text);
      assertEquals(
        behind(lines, "after").filter((path) =>
          !behind(lines, "before").includes(path)
        ),
        ["/default/scanlogd.rpmsave"],
        text,
      );
    }),
);
