/**
 * rsyslogd, with files of the test's.
 *
 * @module
 */

import { assertEquals } from "../assert.ts";
import { eventually, Process } from "./processes.ts";

/** As a distribution configures it, but for the places. */
function configuration(folder: string): string {
  return `
global(workDirectory="${folder}")
module(load="builtin:omfile" template="RSYSLOG_TraditionalFileFormat")
module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="${folder}/log")
daemon.alert ${folder}/alert
daemon.=warning ${folder}/warning
daemon.=info ${folder}/info
`;
}

/**
 * Starts it: its socket is `log` in the folder, its files `alert` and so on.
 *
 * @param more More of its configuration.
 */
export async function startRsyslogd(
  folder: string,
  more = "",
): Promise<Process> {
  const path = `${folder}/rsyslog.conf`;
  const pid = `${folder}/pid`;
  await Deno.writeTextFile(path, configuration(folder) + more);
  for (const left of [`${folder}/log`, pid]) {
    if (exists(left)) await Deno.remove(left);
  }
  const rsyslogd = new Process(["rsyslogd", "-n", "-f", path, "-i", pid]);
  await eventually(
    () => exists(`${folder}/log`) || rsyslogd.code >= 0,
    () => "rsyslogd's socket",
  );
  assertEquals(rsyslogd.code, -1, rsyslogd.stderr.join("\n"));
  return rsyslogd;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The lines of a file so far; none if it is not there. */
export function linesOf(path: string): string[] {
  return exists(path)
    ? Deno.readTextFileSync(path).split("\n").slice(0, -1)
    : [];
}
