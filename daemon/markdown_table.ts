/**
 * Tables of generated pages.
 *
 * @module
 */

/** A table in Markdown, padded as `deno fmt` pads it; the first row is its head. */
export function markdownTable(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|"))
  );
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length))
  );
  const [head, ...body] = rows.map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [head, rule, ...body].join("\n");
}
