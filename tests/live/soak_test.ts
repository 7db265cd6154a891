/** A round of the soak. */

import { assert, assertEquals, assertGreater } from "../assert.ts";
import { amount } from "../long.ts";
import { seeded, withRunSeed } from "../random.ts";
import { liveTest } from "./require.ts";
import { stepClock } from "./soak/clock.ts";
import { soak } from "./soak/soak.ts";

liveTest(
  "floods, syslogd's restarts, flapping interfaces, signals: no line lost, nothing grows",
  { root: true, tools: ["ip", "unshare", "python3", "nmap"] },
  async () => {
    const figures = await soak(amount(0.5, 20));
    console.log(JSON.stringify(figures));
    assertGreater(figures.rounds, 0);
    assertGreater(figures.scans, 70);
    assertGreater(figures.dropped, 0);
    assert(figures.lost <= figures.excused);
  },
);

Deno.test({
  name: "setting the clock hides no scan",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withRunSeed((random) => {
      assertEquals(stepClock(random, 1000), 1000);
      assertEquals(stepClock(seeded(1), 1000), 1000);
    }),
});
