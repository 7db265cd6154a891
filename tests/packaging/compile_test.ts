import { V8_FLAGS } from "../../packaging/compile.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface Outcome {
  code: number;
  /** Lines of standard error. */
  lines: string[];
}

/** Runs the compile script. */
async function compile(
  args: readonly string[],
  base: string,
): Promise<Outcome> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `${ROOT}packaging/compile.ts`, ...args],
    env: { DENORT_BIN: base, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
  return { code, lines };
}

/** A line of the tree of embedded files: depth and name. */
function treeItem(line: string): { depth: number; name: string } | undefined {
  const match = /^((?:│ | {2})*)[├└]─[┬─]─? (\S+)/.exec(line);
  if (match === null) return undefined;
  return { depth: match[1].length / 2, name: match[2].replace(/\/\*$/, "") };
}

// The base binary is not everywhere, but any file takes a program: with the
// deno command itself, the compiler resolves, checks, embeds and tells.
Deno.test("the executable embeds our program and its packages, nothing else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const output = `${folder}/scanlogd`;
    const { code, lines } = await compile(
      ["--output", output],
      Deno.execPath(),
    );
    assertEquals(code, 0, lines.join("\n"));
    assert((await Deno.stat(output)).isFile);

    const items = lines.map(treeItem).filter((item) => item !== undefined);
    const top = items.filter(({ depth }) => depth === 0);
    assertEquals(top.map(({ name }) => name.replace(/\/.*/, "")).sort(), [
      ".deno_compile_node_modules",
      ...["capture", "daemon", "deno.json", "detect", "ffi", "format"],
      "main.ts",
    ]);
    const names = items.map(({ name }) => name.replace(/ .*/, ""));
    for (const unwanted of ["compile.ts", "install.ts", "tests", "bench"]) {
      assertEquals(names.includes(unwanted), false, unwanted);
    }
    assertEquals(packages(items.map(({ name }) => name)), [
      "deno-std",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Which packages of deno.json and the lock file are among the names. */
function packages(names: readonly string[]): string[] {
  const lock = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.lock`));
  const all = Object.keys(lock.npm).map((key) => key.replace(/(.)@.*$/, "$1"));
  return all.filter((one) =>
    names.some((name) => `/${name}/`.includes(`/${one}/`))
  ).sort();
}

Deno.test("task scan runs the program as the executable does", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  assert(tasks.scan.command.split(" ").includes(V8_FLAGS));
});

Deno.test("without a base binary, one line says what to fetch and where to put it", async () => {
  const target = "aarch64-unknown-linux-gnu";
  const { code, lines } = await compile(["--target", target], "/no/denort");
  assertEquals(code, 1);
  assertEquals(lines.length, 1, lines.join("\n"));
  assertMatch(lines[0], /^compile: DENORT_BIN=\/no\/denort cannot be read; /);
  assertMatch(lines[0], new RegExp(`denort-${target}\\.zip of .* \\d+\\.\\d+`));
});

Deno.test("an unknown target is refused with those there are", async () => {
  const { code, lines } = await compile(["--target", "z80"], Deno.execPath());
  assertEquals(code, 1);
  assertEquals(lines.length, 1, lines.join("\n"));
  assertMatch(lines[0], /^compile: --target must be one of x86_64-.*"z80"$/);
});
