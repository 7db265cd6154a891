/**
 * Completions for fish.
 *
 * @module
 */

import {
  type Completion,
  completionsOfOptions,
  type Source,
  type Words,
} from "./words.ts";

/** Writes the completions. */
export function fishCompletions(): string {
  const lines = completionsOfOptions().map(describeOption);
  return `# Fish completions for scanlogd, made from its table of options.

function __scanlogd_interfaces
    path basename /sys/class/net/*
end

# __scanlogd_files_behind PREFIX: files whose names follow the prefix.
function __scanlogd_files_behind --argument-names prefix
    set -l value (string replace --regex '^--[^=]*=' '' -- (commandline -ct))
    string match --quiet -- "$prefix*" $value; or return
    set -l start (string sub --start (math (string length -- $prefix) + 1) -- $value)
    for path in (__fish_complete_path $start)
        echo -- $prefix$path
    end
end

complete -c scanlogd -f
${lines.join("\n")}
`;
}

function describeOption(option: Completion): string {
  const { name, short, help, value, words } = option;
  const parts = ["complete -c scanlogd"];
  if (short !== undefined) parts.push(`-s ${short}`);
  parts.push(`-l ${name}`);
  if (value !== undefined) parts.push(...action(words));
  parts.push(`-d ${quote(help)}`);
  return parts.join(" ");
}

function action({ texts, prefixes, source }: Words): string[] {
  if (texts.length + prefixes.length === 0) return SOURCES[source];
  const files = prefixes.map((prefix) => `(__scanlogd_files_behind ${prefix})`);
  const words = [...texts, ...prefixes, ...files];
  return ["-x", "-a", quote(words.join(" "))];
}

const SOURCES: Readonly<Record<Source, string[]>> = {
  none: ["-x"],
  files: ["-r", "-F"],
  directories: ["-x", "-a", "'(__fish_complete_directories)'"],
  users: ["-x", "-a", "'(__fish_complete_users)'"],
  interfaces: ["-x", "-a", "'(__scanlogd_interfaces)'"],
};

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
