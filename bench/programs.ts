/**
 * What is installed.
 *
 * @module
 */

/** Where a program is; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  // Daemons live where an ordinary user's search path does not lead.
  return [...folders, "/usr/sbin", "/sbin"].map((folder) => `${folder}/${name}`)
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
}

/** What a benchmark cannot do without. */
export interface Needs {
  /** Whether it must run as root [false]. */
  root?: boolean;
  /** Programs that must be installed. */
  tools?: readonly string[];
}

/** What is missing, as a sentence; undefined if nothing is. */
export function describeMissing(
  { root = false, tools = [] }: Needs,
): string | undefined {
  const missing = tools.filter((tool) => findProgram(tool) === undefined);
  const reasons: string[] = [];
  if (root && Deno.uid() !== 0) reasons.push("it needs root");
  if (missing.length > 0) reasons.push(`not installed: ${missing.join(", ")}`);
  return reasons.length === 0 ? undefined : reasons.join("; ");
}
