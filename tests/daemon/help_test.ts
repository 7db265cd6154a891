import { helpText } from "../../daemon/help.ts";
import { optionTable } from "../../daemon/readme_table.ts";
import { OPTIONS, type OptionSpec } from "../../daemon/options.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";

const SPECS: [string, OptionSpec][] = Object.entries(OPTIONS);

/** The help text, one string for each option, without line breaks. */
function helpEntries(): string[] {
  const [, , , ...lines] = helpText().split("\n");
  const entries: string[] = [];
  for (const line of lines.slice(0, lines.indexOf(""))) {
    if (/^ {2,6}-/.test(line)) entries.push(line.trim());
    else entries.push(`${entries.pop()} ${line.trim()}`);
  }
  return entries;
}

Deno.test("the help text has each option once, in the table's order", () => {
  const names = helpEntries().map((entry) =>
    /^(?:-., )?--([a-z0-9-]+)/.exec(entry)?.[1]
  );
  assertEquals(names, SPECS.map(([name]) => name));
});

Deno.test("an option's help has its letter, value, meaning and default", () => {
  const entries = helpEntries();
  for (const [i, [name, spec]] of SPECS.entries()) {
    const entry = entries[i].replaceAll(/ +/g, " ");
    const value = spec.kind === "flag" ? "" : ` ${spec.value}`;
    const letter = spec.short === undefined ? "" : `-${spec.short}, `;
    const start = `${letter}--${name}${value} ${spec.help}`;
    assertEquals(entry.slice(0, start.length), start);
    const rest = entry.slice(start.length);
    assert(rest === "" || /^ \[.+\]$/.test(rest), entry);
    if (spec.kind === "integer") assertEquals(rest, ` [${spec.default}]`);
  }
});

Deno.test("no line of the help text is longer than 80 columns", () => {
  for (const line of helpText().split("\n")) {
    assertLessOrEqual(line.length, 80, line);
    assertEquals(line, line.trimEnd());
  }
});

Deno.test("no two options share a letter", () => {
  const letters = SPECS.flatMap(([, { short }]) => short ?? []);
  assertEquals(letters.length, new Set(letters).size);
  assert(letters.every((letter) => /^[A-Za-z]$/.test(letter)));
});

Deno.test("the README's table has each option, with its range", () => {
  const rows = optionTable().split("\n").slice(2);
  assertEquals(rows.length, SPECS.length);
  for (const [i, [name, spec]] of SPECS.entries()) {
    assert(rows[i].includes(`\`--${name}`), rows[i]);
    assert(rows[i].includes(spec.help.replaceAll("|", "\\|")), rows[i]);
    if (spec.kind === "integer") {
      assert(rows[i].includes(`| ${spec.min} to ${spec.max} `), rows[i]);
    }
  }
});
