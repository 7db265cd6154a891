/**
 * fail2ban, with our filter and jail and all else of its own, in a folder.
 *
 * @module
 */

import { Process, run } from "../live/processes.ts";

const PACKAGING = new URL("../../packaging/fail2ban", import.meta.url).pathname;

/**
 * Configures it to write whom it bans into the file `banned` of the folder.
 *
 * @param jail jail.d/scanlogd.local, but for its action.
 */
async function configure(folder: string, jail: string): Promise<void> {
  const local = {
    "fail2ban.local": `[Definition]
logtarget = STDERR
dbfile = None
`,
    "action.d/recorder.conf": `[Definition]
actionban = echo <ip> >>${folder}/banned
actionunban = true
`,
    "jail.d/scanlogd.local": `${jail}
banaction = recorder
`,
  };
  await run(["cp", "-rT", "/etc/fail2ban", folder]);
  await run(["cp", "-rT", PACKAGING, folder]);
  await run(["rm", "-f", `${folder}/jail.d/defaults-debian.conf`]);
  for (const [name, text] of Object.entries(local)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

/** Starts it and waits until the jail is at work. */
export async function startFail2ban(
  folder: string,
  jail: string,
): Promise<Process> {
  await configure(folder, jail);
  const server = new Process([
    ...["fail2ban-server", "-xf", "-c", folder],
    ...["-s", `${folder}/socket`, "-p", `${folder}/pid`, "start"],
  ]);
  try {
    await server.told("Jail 'scanlogd' started");
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
