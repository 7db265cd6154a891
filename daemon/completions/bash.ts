/**
 * Completions for bash. They need nothing of the package bash-completion.
 *
 * @module
 */

import { type Completion, completionsOfOptions, type Source } from "./words.ts";

/** Writes the completions. */
export function bashCompletions(): string {
  const options = completionsOfOptions();
  const names = options.flatMap(({ name, short }) =>
    short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`]
  );
  const cases = options
    .filter(({ value }) => value !== undefined)
    .map(describeCase);
  return `# Bash completions for scanlogd, made from its table of options.

# Bash splits "--output=file:/var" at "=" and ":", and replaces only what stands
# behind the last of them: so the word is taken from the line as it was typed.
_scanlogd() {
  local line=\${COMP_LINE:0:COMP_POINT}
  local word=\${line##*[[:space:]]}
  local before=\${line%"$word"}
  before=\${before%"\${before##*[![:space:]]}"}
  local option=\${before##*[[:space:]]}
  if [[ $word == --*=* ]]; then
    option=\${word%%=*}
    word=\${word#*=}
  fi
  COMPREPLY=()
  case $option in
${cases.join("\n")}
    *)
      mapfile -t COMPREPLY < <(compgen -W '${names.join(" ")}' -- "$word")
      ;;
  esac
}

# _scanlogd_paths KIND WORD [PREFIX]: files (f) or directories (d) behind the
# prefix.
_scanlogd_paths() {
  mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen "-$1" -- "\${2#"\${3-}"}")
  compopt -o filenames 2>/dev/null
}

# _scanlogd_words WORD TEXTS PREFIXES: texts, or files behind a prefix.
_scanlogd_words() {
  local prefix
  for prefix in $3; do
    if [[ $1 == "$prefix"* ]]; then
      _scanlogd_paths f "$1" "$prefix"
      return
    fi
  done
  mapfile -t COMPREPLY < <(compgen -W "$2 $3" -- "$1")
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *: ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

complete -F _scanlogd scanlogd
`;
}

function describeCase(option: Completion): string {
  const { name, short } = option;
  const pattern = short === undefined ? `--${name}` : `-${short} | --${name}`;
  return `    ${pattern})\n      ${action(option)}\n      ;;`;
}

function action({ words: { texts, prefixes, source } }: Completion): string {
  if (texts.length + prefixes.length === 0) return SOURCES[source];
  return `_scanlogd_words "$word" '${texts.join(" ")}' '${prefixes.join(" ")}'`;
}

const SOURCES: Readonly<Record<Source, string>> = {
  none: ":",
  files: '_scanlogd_paths f "$word"',
  directories: '_scanlogd_paths d "$word"',
  users: 'mapfile -t COMPREPLY < <(compgen -u -- "$word")',
  interfaces:
    'mapfile -t COMPREPLY < <(cd /sys/class/net && compgen -W "$(echo *)" -- "$word")',
};
