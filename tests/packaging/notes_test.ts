import { assertEquals } from "../assert.ts";
import { liveTest } from "../live/require.ts";

const NOTES = new URL("../../.ci/notes", import.meta.url).pathname;
const CHANGELOG = `# Changelog

## [1.10.0] - 2026-02-01

later

## [1.1.0] - 2026-01-01

### Added

- This.

## [1.0.0]
`;

/** What the script writes for a version, and its exit status. */
async function notes(version: string): Promise<[number, string]> {
  const path = await Deno.makeTempFile({ prefix: "scanlogd-test-" });
  try {
    await Deno.writeTextFile(path, CHANGELOG);
    const { code, stdout } = await new Deno.Command("bash", {
      args: [NOTES, version, path],
    }).output();
    return [code, new TextDecoder().decode(stdout).trim()];
  } finally {
    await Deno.remove(path);
  }
}

liveTest(
  "the notes of a release are those of its version",
  { tools: ["bash"] },
  async () => {
    assertEquals(await notes("1.1.0"), [0, "### Added\n\n- This."]);
    assertEquals(await notes("1.10.0"), [0, "later"]);
  },
);

liveTest(
  "a version of which nothing is said is no release",
  { tools: ["bash"] },
  async () => {
    assertEquals(await notes("1.0.0"), [1, ""]);
    assertEquals(await notes("1"), [1, ""]);
    assertEquals(await notes("2.0.0"), [1, ""]);
  },
);
