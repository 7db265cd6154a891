/**
 * The matrix of scans and hosts: here combinations that cover every pair of
 * values, in `deno task test:long` all of them, of which it writes docs/matrix.md.
 */

import { assert, assertEquals, assertLess } from "../assert.ts";
import { amount } from "../long.ts";
import {
  allCombinations,
  coveringCombinations,
  isUnseen,
  nameOf,
  patienceFor,
} from "./matrix.ts";
import { matrixPage } from "./matrix_table.ts";
import { type MatrixResult, tryCombination } from "./matrix_trial.ts";
import { liveTest } from "./require.ts";
import { TARGET_TOOLS } from "./target_host.ts";
import { limited } from "./technique_trial.ts";

const PAGE = new URL("../../docs/matrix.md", import.meta.url);
/** Most of the time goes into waiting. */
const AT_A_TIME = 8;
const IS_LONG = amount(0, 1) === 1;

function assertResult(result: MatrixResult): void {
  const { combination, lines, seconds, output } = result;
  assertEquals(lines.length, isUnseen(combination) ? 0 : 1, output);
  if (isUnseen(combination)) return;
  assert(seconds <= patienceFor(combination), `${seconds} s\n${output}`);
}

const combinations = IS_LONG ? allCombinations() : coveringCombinations();

liveTest(
  `of the matrix, ${combinations.length} combinations`,
  {
    root: true,
    tools: [...TARGET_TOOLS, "nmap", "setpriv", "sysctl", "tcpdump"],
  },
  async (t) => {
    const results = limited(
      AT_A_TIME,
      combinations.map((combination) => () => tryCombination(combination)),
    );
    const tried: MatrixResult[] = [];
    for (const [i, combination] of combinations.entries()) {
      const result = await results[i];
      await t.step(nameOf(combination), () => {
        if (result.status === "rejected") throw result.reason;
        tried.push(result.value);
        assertResult(result.value);
      });
    }
    if (IS_LONG && tried.length === combinations.length) {
      await Deno.writeTextFile(PAGE, matrixPage(tried));
    }
  },
);

Deno.test("the combinations tried each time hold every pair of values", () => {
  const pairs = (list: ReturnType<typeof allCombinations>) =>
    new Set(list.flatMap((combination) => {
      const entries = Object.entries(combination).map(String);
      return entries.flatMap((first) =>
        entries.filter((second) => first < second).map((second) =>
          `${first} ${second}`
        )
      );
    }));
  const covering = coveringCombinations();
  assertEquals(pairs(covering), pairs(allCombinations()));
  // 14 scans on 4 hosts: no fewer than 56 would do.
  assertLess(covering.length, 70);
  assertEquals(covering, coveringCombinations());
});

Deno.test("the page has a row for each kind of scan, and says what is unseen", () => {
  const figures = allCombinations().map((combination) => ({
    combination,
    seconds: isUnseen(combination) ? NaN : 1.23,
  }));
  const page = matrixPage(figures);
  const rows = page.split("\n").filter((line) => line.startsWith("| `nmap"));
  assertEquals(rows.length, 2 * 27);
  const cells = rows.map((row) => row.split("|").map((text) => text.trim()));
  assertEquals(cells[0].slice(1, -1), [
    ...["`nmap -sS`", "1-100", "1.2", "1.2", "1.2", "1.2"],
  ]);
  assertEquals(cells.at(-1)?.slice(1, -1), [
    ...["`nmap -sO`", "all", "1.2"],
    ...["IPv4: 1.2, IPv6: unseen", "IPv4: 1.2, IPv6: unseen", "unseen"],
  ]);
});
