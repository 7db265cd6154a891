/**
 * Opening libraries that may not be installed.
 *
 * @module
 */

/** Where a library is looked for, and which package has it. */
export interface LibrarySource {
  /** Its file names, the preferred one first. */
  readonly names: readonly string[];
  /** What to install, for the message if none is found. */
  readonly packages: string;
}

/**
 * Opens the first library of several names.
 *
 * @throws {Error} If there is none, or if it lacks a function: the message
 * names the package that has it.
 */
export function openLibrary<S extends Deno.ForeignLibraryInterface>(
  { names, packages }: LibrarySource,
  symbols: S,
): Deno.DynamicLibrary<S> {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  // A library that is there but lacks a function says so; one that is not
  // there only says that there is no such file.
  const unfit = reasons.find((reason) => reason.includes("symbol"));
  throw new Error(
    unfit === undefined
      ? `${names[0]} is not installed; install it with: ${packages}`
      : `${
        names[0]
      } does not fit: ${unfit}; install another version with: ${packages}`,
  );
}
