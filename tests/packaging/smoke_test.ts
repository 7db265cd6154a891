import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";
import { assertEquals } from "../assert.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

liveTest(
  "the smoke test of releases passes for the program as it is",
  { root: true, tools: ["bash", "ip", "diff"] },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    try {
      const binary = `${folder}/scanlogd`;
      const command =
        `exec '${Deno.execPath()}' run --no-prompt --no-code-cache --allow-ffi --allow-read '${ROOT}main.ts' "$@"`;
      await Deno.writeTextFile(binary, `#!/bin/sh\n${command}\n`);
      await Deno.chmod(binary, 0o755);
      assertEquals(
        await run(["bash", `${ROOT}.ci/smoke`, binary]),
        "ok: --version\nok: --read\nok: a live scan",
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

liveTest(
  "shellcheck finds nothing wrong in the scripts",
  { tools: ["shellcheck"] },
  async () => {
    const scripts = [
      ".ci/run",
      ".ci/smoke",
      "tests/live/package/script.bash",
      "tests/live/package/rpm.bash",
    ]
      .map((name) => ROOT + name);
    scripts.push(`${ROOT}tests/daemon/shells/complete.bash`);
    assertEquals(await run(["shellcheck", ...scripts]), "");
  },
);
