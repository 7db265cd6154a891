/**
 * The last step before the first hostile byte: giving up what is not needed any
 * more.
 *
 * @module
 */

import { logInfo, logWarning } from "./diagnostics.ts";
import type { Options } from "./options.ts";
import { dropPrivileges, isRoot, resolveTarget } from "./privileges.ts";

/**
 * Gives up privileges as the options say.
 *
 * @param standIns What stands in for something missing so far, in words.
 * @throws {Error} If it did not come true: the process must not go on.
 */
export function enterSandbox(
  options: Options,
  standIns: readonly string[],
): void {
  const isFile = options.read !== undefined;
  if (Deno.build.os !== "linux") return;
  if (options["no-drop"]) {
    logWarning("--no-drop: keeping all privileges, for debugging only");
    return;
  }
  if (!isRoot()) {
    if (!isFile) {
      logInfo("not started as root: no chroot and no change of user");
    }
    return;
  }
  // Who only tries it out or reads a file has installed nothing. A service
  // must insist: nobody would see what stands in for its user.
  const isCasual = options.trial || isFile;
  const target = resolveTarget({
    user: options.user,
    directory: options.chroot,
    mayReplaceUser: isCasual && !options.given.has("user"),
    mayReplaceDirectory: isCasual && !options.given.has("chroot"),
  });
  dropPrivileges(target);
  const all = [...target.standIns, ...standIns];
  if (all.length > 0 && !isFile) logInfo(`trial: ${all.join(", ")}`);
}
