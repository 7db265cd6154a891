/**
 * Tests that need root or tools of the system. Where those are missing, a test
 * is ignored and its name says why; with SCANLOGD_LIVE=require, as in CI, it
 * fails instead.
 *
 * @module
 */

/** What a test needs of the machine. */
export interface Needs {
  /** Whether it must run as root [false]. */
  root?: boolean;
  /** Programs that must be on the search path. */
  tools?: readonly string[];
  /** Files that must be there, such as C headers. */
  files?: readonly string[];
}

/** Whether the needs are met. */
export interface Requirement {
  /** Whether the test is to be ignored. */
  ignore: boolean;
  /** What is missing, or "". */
  reason: string;
}

function isOnPath(tool: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  // Daemons live where an ordinary user's search path does not lead.
  return [...folders, "/usr/sbin", "/sbin"].some((folder) => {
    // Where Node is missing, Deno puts itself on the path under Node's name.
    if (folder.endsWith("/node_compat_bin")) return false;
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${tool}`);
      return isFile && ((mode ?? 0o111) & 0o111) !== 0;
    } catch {
      return false;
    }
  });
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Looks for what a test needs. */
export function requirement(
  { root = false, tools = [], files = [] }: Needs,
): Requirement {
  const missing = tools.filter((tool) => !isOnPath(tool));
  const absent = files.filter((path) => !exists(path));
  const reasons: string[] = [];
  if (root && Deno.uid() !== 0) reasons.push("it needs root");
  if (missing.length > 0) reasons.push(`not installed: ${missing.join(", ")}`);
  if (absent.length > 0) reasons.push(`not there: ${absent.join(", ")}`);
  return {
    ignore: reasons.length > 0 &&
      Deno.env.get("SCANLOGD_LIVE") !== "require",
    reason: reasons.join("; "),
  };
}

/** Registers a test that needs something of the machine. */
export function liveTest(
  name: string,
  needs: Needs,
  body: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const { ignore, reason } = requirement(needs);
  Deno.test({
    name: ignore ? `${name} (skipped: ${reason})` : name,
    ignore,
    fn: async (t) => {
      if (reason !== "") {
        throw new Error(`Cannot run the test, but it is required: ${reason}`);
      }
      await body(t);
    },
  });
}
