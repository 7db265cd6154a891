/** `deno task test:long`: whether the detector's tests catch deliberate faults. */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { amount } from "../long.ts";
import { Copy, fileOf, MUTANTS } from "./mutants.ts";

const IS_LONG = amount(0, 1) === 1;
/** For trying some by their names: part of a fault's. */
const ONLY = Deno.env.get("SCANLOGD_MUTANT") ?? "";

Deno.test("every fault fits in one place", () => {
  assertGreater(MUTANTS.length, 11);
  for (const mutant of MUTANTS) {
    const source = Deno.readTextFileSync(fileOf(mutant));
    assertEquals(source.split(mutant.text).length, 2, mutant.name);
  }
});

Deno.test({
  name: `every fault is caught${
    IS_LONG ? "" : " (skipped: it takes ten minutes)"
  }`,
  ignore: !IS_LONG,
  fn: async (t) => {
    await using copy = await Copy.make();
    if (ONLY === "") assertEquals(await copy.failures(), []);
    for (const mutant of MUTANTS.filter(({ name }) => name.includes(ONLY))) {
      await t.step(mutant.name, async () => {
        const failures = await copy.failures(mutant);
        console.log(`${mutant.name}: ${failures.join("; ")}`);
        assert(failures.length > 0, "all tests pass");
      });
    }
  },
});
