/**
 * What every function and class of the library has: an example that asserts.
 * `deno doc --lint` sees to it that all is described at all, `deno test --doc`
 * runs the examples.
 */

import { assert, assertEquals } from "../assert.ts";

const ROOT = new URL("../../", import.meta.url);

interface Tag {
  kind: string;
  doc?: string;
}

interface Documented {
  kind: string;
  jsDoc?: { doc?: string; tags?: Tag[] };
  def?: { methods?: { jsDoc?: { tags?: Tag[] } }[] };
}

interface Documentation {
  nodes: Record<
    string,
    { symbols: { name: string; declarations: Documented[] }[] }
  >;
}

async function documentationOf(entry: string): Promise<Documentation> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", entry],
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  assert(success, entry);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The examples of a declaration, or of a class's methods. */
function examplesOf({ jsDoc, def }: Documented): string[] {
  const tags = [
    ...jsDoc?.tags ?? [],
    ...def?.methods?.flatMap((method) => method.jsDoc?.tags ?? []) ?? [],
  ];
  return tags.filter(({ kind }) => kind === "example")
    .map(({ doc = "" }) => doc);
}

const { exports } = JSON.parse(
  Deno.readTextFileSync(new URL("deno.json", ROOT)),
);

for (const entry of Object.values(exports as Record<string, string>)) {
  Deno.test(`each function and class of ${entry} has an example that asserts`, async () => {
    const { nodes } = await documentationOf(entry);
    const symbols = Object.values(nodes).flatMap(({ symbols }) => symbols);
    assert(symbols.length > 3);
    const bare = symbols.filter(({ declarations }) =>
      declarations.some((each) => {
        const isCode = each.kind === "function" || each.kind === "class";
        return isCode &&
          !examplesOf(each).some((text) => /assert/.test(text));
      })
    );
    assertEquals(bare.map(({ name }) => name), []);
  });
}

Deno.test("mod.ts has about forty names, the rest stands in sub-paths", async () => {
  const { nodes } = await documentationOf("mod.ts");
  const symbols = Object.values(nodes).flatMap(({ symbols }) => symbols);
  assert(symbols.length <= 55, symbols.map(({ name }) => name).join());
});
