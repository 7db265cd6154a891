/**
 * The library is pure: it compiles without the types of any platform. That
 * check is a step of `task check`; here it is run, and it is shown that it
 * would catch an impurity.
 */

import { assert, assertEquals, assertStringIncludes } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);
const CONFIG = new URL("./purity/deno.json", import.meta.url).pathname;
const WEB_CONFIG = new URL("./purity/web/deno.json", import.meta.url).pathname;
/** What a caller may import without a platform, besides mod.ts. */
const PURE = ["format", "packet", "savefile"].map((n) => `library/${n}.ts`);

async function check(
  files: readonly string[],
  config = CONFIG,
): Promise<{ isPure: boolean; text: string }> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--config", config, ...files],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  return { isPure: success, text: new TextDecoder().decode(stderr) };
}

Deno.test("mod.ts compiles without the types of any platform", async () => {
  const { isPure, text } = await check(["mod.ts", ...PURE]);
  assert(isPure, text);
});

Deno.test("library/web.ts compiles with the types of the web alone", async () => {
  const { isPure, text } = await check(["library/web.ts"], WEB_CONFIG);
  assert(isPure, text);
  assertEquals((await check(["library/web.ts"])).isPure, false);
});

Deno.test("the package names each of them", async () => {
  const { exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  assertEquals(
    Object.values(exports),
    ["./mod.ts", ...[...PURE, "library/web.ts"].map((path) => `./${path}`)],
  );
});

Deno.test("`task check` contains this very check", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const { check } = config.tasks;
  const command = typeof check === "string" ? check : check.command;
  assertStringIncludes(
    command,
    `deno check --config tests/purity/deno.json mod.ts ${PURE.join(" ")}`,
  );
});

/** What a platform has and the language has not. */
const IMPURE = [
  "Deno.version",
  "performance.now()",
  "console.log()",
  "setTimeout(() => {}, 1)",
  "new TextDecoder()",
  "fetch('http://localhost')",
  "crypto.subtle",
  "process.env",
  "document.title",
];

Deno.test("the check would catch what only a platform has", async () => {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const file = `${folder}/impure.ts`;
    // One file, as the check takes a second: each line must be an error.
    const lines = IMPURE.map((expression) => `void (${expression});\n`);
    await Deno.writeTextFile(file, lines.join(""));
    const { isPure, text } = await check([file]);
    assert(!isPure);
    for (const [i, expression] of IMPURE.entries()) {
      assertStringIncludes(text, `impure.ts:${i + 1}:`, expression);
    }

    // The same file with what the language itself has passes.
    const pure = "void new Map([[1n, new DataView(new ArrayBuffer(8))]]);\n";
    await Deno.writeTextFile(file, pure);
    assertEquals(await check([file]).then(({ isPure }) => isPure), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("nothing that the library reaches is a package or a platform's module", async () => {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "tests/purity/all.ts"],
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  assert(success);
  const graph: { modules: { specifier: string }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  const paths = graph.modules.map(({ specifier }) => {
    assert(specifier.startsWith(ROOT.href), specifier);
    return specifier.slice(ROOT.href.length);
  });
  assert(paths.length > 10);
  const foreign = paths.filter((path) =>
    !/^(mod\.ts|library\/.*|tests\/purity\/all\.ts|detect\/.*|format\/[a-z]+\.ts|capture\/savefile.*)$/
      .test(path)
  );
  assertEquals(foreign, []);
});
