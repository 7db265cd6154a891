/**
 * The comparison's tables: fills them, and puts them on the page.
 *
 * @module
 */

import { markdownTable } from "../../daemon/markdown_table.ts";
import { requirement } from "./require.ts";
import { limited } from "./technique_trial.ts";

/** One row: its name, what it takes, and how to fill some of its cells. */
export interface Row {
  name: string;
  tools: readonly string[];
  parts: readonly (() => Promise<string[]>)[];
}

/** What stands in a cell that could not be filled. */
export function notTried(reason: unknown): string {
  const message = reason instanceof Error ? reason.message : `${reason}`;
  return `not tried: ${message.split("\n")[0]}`;
}

/** Fills all rows, as a table in Markdown. */
export async function table(
  head: readonly string[],
  rows: readonly Row[],
  atATime: number,
): Promise<string> {
  const tasks = rows.flatMap(({ name, tools, parts }) => {
    const { reason } = requirement({ tools });
    const missing = () =>
      Promise.resolve(head.slice(1).map(() => notTried(reason)));
    return (reason === "" ? parts : [missing]).map((fill) => async () => {
      const cells = await fill();
      console.error(`${name}: ${cells.join(", ")}`);
      return { name, cells };
    });
  });
  const results = await Promise.all(limited(atATime, tasks));
  const body = new Map<string, string[]>(rows.map(({ name }) => [name, []]));
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
    body.get(result.value.name)?.push(...result.value.cells);
  }
  return markdownTable([
    head,
    ...[...body].map(([name, cells]) => [name, ...cells]),
  ]);
}

/**
 * Puts a text between the markers of a section.
 *
 * @throws {SyntaxError} If the markers are missing.
 */
export function withSection(page: string, name: string, text: string): string {
  const first = `<!-- comparison: ${name} -->`;
  const last = `<!-- /comparison: ${name} -->`;
  const start = page.indexOf(first);
  const end = page.indexOf(last);
  if (start < 0 || end < start) {
    throw new SyntaxError(`Cannot find ${first} and ${last} in the page`);
  }
  return `${page.slice(0, start + first.length)}\n\n${text}\n\n${
    page.slice(end)
  }`;
}
