import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { type Needs, requirement } from "./require.ts";

const MISSING = "no-such-tool-of-scanlogd";

/** Asks with SCANLOGD_LIVE set to a value, or not at all. */
function ask(live: string | undefined, needs: Needs) {
  const before = Deno.env.get("SCANLOGD_LIVE");
  const set = (value: string | undefined) =>
    value === undefined
      ? Deno.env.delete("SCANLOGD_LIVE")
      : Deno.env.set("SCANLOGD_LIVE", value);
  set(live);
  try {
    return requirement(needs);
  } finally {
    set(before);
  }
}

Deno.test("a test whose needs are met is not ignored", () => {
  assertEquals(ask(undefined, { tools: ["sh"] }), {
    ignore: false,
    reason: "",
  });
});

Deno.test("a missing tool ignores a test and is named", () => {
  const { ignore, reason } = ask(undefined, { tools: ["sh", MISSING] });
  assert(ignore);
  assertEquals(reason, `not installed: ${MISSING}`);
});

Deno.test("a missing file ignores a test and is named", () => {
  const files = [import.meta.filename ?? "", "/no/such/file", "/tmp"];
  assertEquals(ask(undefined, { files }), {
    ignore: true,
    reason: "not there: /no/such/file, /tmp",
  });
});

Deno.test("with SCANLOGD_LIVE=require nothing is ignored, the reason stays", () => {
  const { ignore, reason } = ask("require", { tools: [MISSING] });
  assert(!ignore);
  assertStringIncludes(reason, MISSING);
});

Deno.test("root is asked for only by those who need it", () => {
  const { ignore } = ask(undefined, { root: true });
  assertEquals(ignore, Deno.uid() !== 0);
});
