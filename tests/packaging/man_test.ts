import { parseCommandLine } from "../../daemon/command_line.ts";
import { OPTIONS, type OptionSpec } from "../../daemon/options.ts";
import { manualPage } from "../../packaging/man.ts";
import { assert, assertEquals } from "../assert.ts";
import { Process, run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const FILE = new URL("../../packaging/scanlogd.8", import.meta.url).pathname;

Deno.test("the manual page is current (else: deno task man)", async () => {
  assertEquals(await Deno.readTextFile(FILE), manualPage());
});

Deno.test("the manual page has each option once, with letter and value", () => {
  const items: string[] = manualPage().match(/^\.It .*Fl -.*$/gm) ?? [];
  assertEquals(
    items,
    Object.entries<OptionSpec>(OPTIONS).map(([name, spec]) => {
      const letter = spec.short === undefined ? "" : `Fl ${spec.short} , `;
      const value = spec.kind === "flag" ? "" : ` Ar ${spec.value}`;
      return `.It ${letter}Fl -${name}${value}`;
    }),
  );
});

Deno.test("the manual page's text names no option that there is not", () => {
  const named = [...manualPage().matchAll(/(?:Fl -|\s--)([a-z][\w-]+)/g)];
  assert(named.length > 0);
  for (const [text, name] of named) assert(name in OPTIONS, text);
});

Deno.test("the manual page has each field of the JSON events", () => {
  const { $defs } = JSON.parse(
    Deno.readTextFileSync(
      new URL("../../docs/event.schema.json", import.meta.url),
    ),
  );
  const [json] = /^\.Sh JSON$([^]*?)^\.Sh /m.exec(manualPage()) ?? [""];
  const words = new Set(json.split(/[^a-z_]+/));
  const fields = Object.values<{ properties?: object }>($defs)
    .flatMap(({ properties = {} }) => Object.keys(properties));
  assert(fields.length > 20);
  assertEquals(fields.filter((field) => !words.has(field)), []);
});

Deno.test("the manual page's configuration file is accepted", () => {
  const [, toml] =
    /^\.Sh CONFIGURATION$[^]*?^\.Bd .*\n([^]*?)^\.Ed$/m.exec(manualPage()) ??
      [];
  const file = Deno.makeTempFileSync({ suffix: ".toml" });
  try {
    Deno.writeTextFileSync(file, toml);
    assertEquals(parseCommandLine(["--config", file])["min-ports"], 5);
  } finally {
    Deno.removeSync(file);
  }
});

/** What depends on the pages that a machine happens to have. */
const OF_THE_MACHINE = /mandoc\.db|referenced manual not found/;

liveTest(
  "mandoc finds nothing wrong in the manual page",
  { tools: ["mandoc"] },
  async () => {
    await using mandoc = new Process(["mandoc", "-T", "lint", FILE]);
    await mandoc.end();
    const told = [...mandoc.stdout, ...mandoc.stderr];
    assertEquals(told.filter((line) => !OF_THE_MACHINE.test(line)), []);
  },
);

liveTest(
  "the manual page shows options as they are typed",
  { tools: ["mandoc", "col"] },
  async () => {
    const bytes = new TextEncoder().encode(
      await run(["mandoc", "-T", "utf8", FILE]),
    );
    const text = await run(["col", "-bx"], { input: bytes });
    assert(text.includes("-i, --interface NAME"), text);
    assert(/\bwith\s+--read: stdout\b/.test(text), text);
  },
);
