/**
 * Completions for zsh.
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
export function zshCompletions(): string {
  const specs = completionsOfOptions().map(describeOption);
  return `#compdef scanlogd
# Zsh completions for scanlogd, made from its table of options.

_scanlogd_interfaces() {
  local expl
  _wanted interfaces expl interface compadd -- /sys/class/net/*(N:t)
}

# _scanlogd_words TEXTS PREFIXES: texts, or files behind a prefix.
_scanlogd_words() {
  local expl prefix
  for prefix in \${=2}; do
    if compset -P $prefix; then
      _files
      return
    fi
  done
  _wanted values expl value compadd -- \${=1}
  _wanted values expl value compadd -S '' -- \${=2}
}

_scanlogd() {
  _arguments -s -S \\
${specs.join(" \\\n")}
}

# Called where zsh finds this file by itself; else it was read by "source".
if [[ $funcstack[1] == _scanlogd ]]; then
  _scanlogd "$@"
else
  compdef _scanlogd scanlogd
fi
`;
}

function describeOption(option: Completion): string {
  const { name, short, help, value, isRepeatable, words } = option;
  const text = `[${help.replaceAll(/[[\]\\]/g, "\\$&")}]`;
  const rest = value === undefined ? text : `${text}:${value}:${action(words)}`;
  const forms = value === undefined
    ? [`-${short}`, `--${name}`]
    : [`-${short}+`, `--${name}=`];
  // Of an option and its letter, each keeps the other away.
  const group = short === undefined ? `--${name}` : `-${short} --${name}`;
  const start = isRepeatable ? "*" : `(${group})`;
  if (short === undefined) return `    ${quote(start + forms[1] + rest)}`;
  return `    ${quote(start)}{${forms.join(",")}}${quote(rest)}`;
}

function action({ texts, prefixes, source }: Words): string {
  if (texts.length + prefixes.length === 0) return SOURCES[source];
  if (prefixes.length === 0) return `(${texts.join(" ")})`;
  const after = prefixes.map((prefix) => prefix.replace(":", "\\:"));
  // Without the space, zsh puts words of its own before these.
  return ` _scanlogd_words "${texts.join(" ")}" "${after.join(" ")}"`;
}

const SOURCES: Readonly<Record<Source, string>> = {
  none: " ",
  files: "_files",
  directories: "_files -/",
  users: "_users",
  interfaces: "_scanlogd_interfaces",
};

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
