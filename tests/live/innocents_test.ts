/**
 * Innocent traffic draws no line, and a scan that comes right after it is found
 * all the same.
 */

import { assert, assertEquals } from "../assert.ts";
import {
  type Innocent,
  OURS,
  type Outcome,
  tryAll,
} from "./innocent_watchers.ts";
import { INNOCENTS } from "./innocents.ts";
import { SCANNER } from "./namespaces.ts";
import { liveTest } from "./require.ts";

function describe(figures: object): string {
  return Object.entries(figures).filter(([, value]) => value > 0)
    .map(([name, value]) => `${value} ${name}`).join(", ");
}

function assertSilent({ atLeast }: Innocent, outcome: Outcome): void {
  const { figures, traffic, verdicts: [{ alarms, scans }] } = outcome;
  const happened = `${describe(figures)}; kernel: ${describe(traffic)}`;
  console.log(happened);
  for (const [name, least] of Object.entries(atLeast)) {
    const count = traffic[name as keyof typeof traffic];
    assert(count >= least, `only ${count} ${name}: ${happened}`);
  }
  assertEquals(alarms, [], happened);
  assertEquals(scans.length, 1, `the scan in the end:\n${scans.join("\n")}`);
  assert(scans[0].startsWith(SCANNER), scans[0]);
}

liveTest(
  "innocent traffic draws no line",
  {
    root: true,
    tools: [
      ...["ip", "unshare", "nmap"],
      ...new Set(INNOCENTS.flatMap(({ tools }) => tools)),
    ],
  },
  async (t) => {
    const outcomes = tryAll(INNOCENTS, [OURS]);
    for (const [i, innocent] of INNOCENTS.entries()) {
      await t.step(
        innocent.name,
        async () => assertSilent(innocent, await outcomes[i]),
      );
    }
  },
);
