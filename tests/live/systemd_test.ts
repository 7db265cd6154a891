import { assert, assertEquals } from "../assert.ts";
import { Process, run } from "./processes.ts";
import { liveTest } from "./require.ts";

const HERE = new URL("./systemd/", import.meta.url).pathname;
const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** Stands for the executable. */
const PROGRAM = `#!/bin/sh
export DENO_DIR=/opt/cache DENO_NO_UPDATE_CHECK=1
exec /opt/deno run --no-prompt --no-code-cache --cached-only --allow-ffi --allow-read /opt/checkout/main.ts "$@"
`;

/** What the manual has for --metrics, as a drop-in of the unit. */
async function writeDropIn(files: string): Promise<void> {
  const page = await Deno.readTextFile(`${CHECKOUT}docs/integrations.md`);
  const [, path, text] =
    /^```ini\n# (\S+\/metrics\.conf)\n([^`]*)```$/m.exec(page) ?? [];
  assert(path !== undefined, "docs/integrations.md has no drop-in");
  await Deno.mkdir(`${files}${path.replace(/[^/]*$/, "")}`, {
    recursive: true,
  });
  await Deno.writeTextFile(`${files}${path}`, text);
}

/** Installs the program, boots, and returns what the script has told. */
async function boot(): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const binary = `${folder}/program`;
    await Deno.writeTextFile(binary, PROGRAM);
    await run([
      ...[Deno.execPath(), "run", "--allow-all"],
      ...[`${CHECKOUT}packaging/install.ts`, "install", "--binary", binary],
    ], { env: { DESTDIR: `${folder}/files` } });
    await writeDropIn(`${folder}/files`);
    await Deno.copyFile(`${HERE}script.bash`, `${folder}/script`);
    const { denoDir } = JSON.parse(
      await run([Deno.execPath(), "info", "--json"]),
    );
    await using systemd = new Process([
      ...["bash", `${HERE}boot.bash`, folder],
    ], { env: { DENO: Deno.execPath(), CACHE: denoDir, CHECKOUT } });
    await systemd.end();
    const told = await Deno.readTextFile(`${folder}/told`).catch(() => "");
    assert(told !== "", systemd.stderr.join("\n"));
    return told.trimEnd().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What stands behind a word at the start of lines. */
function behind(lines: readonly string[], start: string): string[] {
  return lines.filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length).trim());
}

liveTest(
  "systemd runs the service as it is installed, locked in",
  { root: true, tools: ["unshare", "systemctl", "journalctl"] },
  async (t) => {
    const lines = await boot();
    const text = lines.join("\n");

    await t.step("it starts, reloads and stops in time", () => {
      assertEquals(behind(lines, "started:"), ["0 active"], text);
      assertEquals(behind(lines, "reloaded:"), ["0 active"], text);
      assertEquals(behind(lines, "stopped:"), ["0 inactive"], text);
    });
    await t.step("it was allowed to load the port memory", () => {
      assertEquals(behind(lines, "memory:"), [
        "the kernel remembers which ports are in use (eBPF)",
      ], text);
    });
    await t.step("it has no privileges left", () => {
      for (const name of ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"]) {
        assertEquals(behind(lines, name), ["0000000000000000"], text);
      }
      assertEquals(behind(lines, "NoNewPrivs:"), ["1"]);
      assertEquals(behind(lines, "Seccomp:"), ["2"]);
      assert(!behind(lines, "Uid:")[0].includes("\t0"), text);
    });
    await t.step("it writes where the unit lets it, for the group", () => {
      assertEquals(behind(lines, "/var/log/scanlogd"), [
        "750 root",
        "/scans.log 640 root",
      ], text);
    });
    await t.step("it writes its counters where the manual says", () => {
      assertEquals(behind(lines, "metrics:"), ["scanlogd_scans_total 5"], text);
    });
    await t.step(
      "each scan is in the file and in the journal, once, though that restarts and stalls",
      () => {
        const scans = behind(lines, "file:");
        assertEquals(scans.length, 5, text);
        const early = behind(lines, "while the journal stood still:");
        assertEquals(early, ["5"], text);
        assertEquals(behind(lines, "journal:"), scans, text);
      },
    );
  },
);
