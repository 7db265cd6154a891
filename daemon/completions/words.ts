/**
 * What can stand behind an option, for all shells alike.
 *
 * @module
 */

import { OPTIONS, type OptionSpec } from "../options.ts";

/** What can stand behind an option. */
export interface Words {
  /** Texts that are complete. */
  readonly texts: readonly string[];
  /** Texts that a file's name follows, such as `file:`. */
  readonly prefixes: readonly string[];
  /** What the machine knows. */
  readonly source: Source;
}

/** Where words come from that are not in the table. */
export type Source = "interfaces" | "users" | "files" | "directories" | "none";

/** An option as completions see it. */
export interface Completion {
  readonly name: string;
  readonly short?: string;
  readonly help: string;
  /** What its value is called; undefined if it takes none. */
  readonly value?: string;
  readonly isRepeatable: boolean;
  readonly words: Words;
}

/** The values that mean the same whichever option they belong to. */
const BY_VALUE: Readonly<Record<string, Source>> = {
  FILE: "files",
  PATH: "files",
  DIR: "directories",
};

/** What a NAME names. */
const BY_OPTION: Readonly<Record<string, Source>> = {
  interface: "interfaces",
  user: "users",
};

/** A choice that stands for all texts that begin like it. */
const PREFIX = /^(.+:)PATH$/;

/** All options, in the order of the table. */
export function completionsOfOptions(): Completion[] {
  return Object.entries<OptionSpec>(OPTIONS).map(([name, spec]) => ({
    name,
    short: spec.short,
    help: spec.help,
    value: spec.kind === "flag" ? undefined : spec.value,
    isRepeatable: spec.kind === "list" || spec.kind === "paths",
    words: wordsOf(name, spec),
  }));
}

function wordsOf(name: string, spec: OptionSpec): Words {
  const choices = "choices" in spec ? spec.choices ?? [] : [];
  return {
    texts: choices.filter((choice) => !PREFIX.test(choice)),
    prefixes: choices.flatMap((choice) => PREFIX.exec(choice)?.[1] ?? []),
    source: spec.kind === "flag" || choices.length > 0
      ? "none"
      : BY_OPTION[name] ?? BY_VALUE[spec.value] ?? "none",
  };
}
