/**
 * Which file goes where.
 *
 * @module
 */

import { completions } from "./completions.ts";

const HERE = new URL("./", import.meta.url).pathname;

/** A file to install. */
export interface Item {
  /** Where it goes, without DESTDIR. */
  readonly path: string;
  /** Its permissions. */
  readonly mode: number;
  /** Reads what goes there. */
  readonly read: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** What to install, and below which directory. */
export interface LayoutOptions {
  readonly prefix: string;
  /** The executable. */
  readonly binary: string;
}

/** Whether it is the administrator's to change, as packagers see it. */
export function isConfiguration(path: string): boolean {
  return path.startsWith("/etc/");
}

/** The files, by where they go. */
export function layout({ prefix, binary }: LayoutOptions): Item[] {
  const system = systemdFolder(prefix);
  const copy = (path: string, source: string, mode = 0o644): Item => ({
    path,
    mode,
    read: () => readWithPrefix(`${HERE}${source}`, prefix),
  });
  const complete = (path: string, shell: string): Item => ({
    path: `${prefix}/share/${path}`,
    mode: 0o644,
    read: () => Promise.resolve(new TextEncoder().encode(completions(shell))),
  });
  return [
    {
      path: `${prefix}/sbin/scanlogd`,
      mode: 0o755,
      read: () => Deno.readFile(binary),
    },
    copy(`${prefix}/share/man/man8/scanlogd.8`, "scanlogd.8"),
    complete("bash-completion/completions/scanlogd", "bash"),
    complete("zsh/site-functions/_scanlogd", "zsh"),
    complete("fish/vendor_completions.d/scanlogd.fish", "fish"),
    copy(`${system}/systemd/system/scanlogd.service`, "scanlogd.service"),
    copy(`${system}/sysusers.d/scanlogd.conf`, "scanlogd.sysusers"),
    copy(`${system}/tmpfiles.d/scanlogd.conf`, "scanlogd.tmpfiles"),
    copy("/etc/init.d/scanlogd", "scanlogd.init", 0o755),
    copy("/etc/default/scanlogd", "scanlogd.default"),
    copy("/etc/logrotate.d/scanlogd", "scanlogd.logrotate"),
    copy("/etc/rsyslog.d/30-scanlogd.conf", "scanlogd.rsyslog"),
    ...["filter.d/scanlogd-line.conf", "jail.d/scanlogd.conf"].map((name) =>
      copy(`/etc/fail2ban/${name}`, `fail2ban/${name}`)
    ),
  ];
}

/** systemd looks below these prefixes, and else only where /etc is. */
function systemdFolder(prefix: string): string {
  return ["/usr", "/usr/local"].includes(prefix) ? `${prefix}/lib` : "/etc";
}

/** The files name the executable where a distribution would put it. */
async function readWithPrefix(
  path: string,
  prefix: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const text = await Deno.readTextFile(path);
  const moved = text.replaceAll(
    "/usr/sbin/scanlogd",
    () => `${prefix}/sbin/scanlogd`,
  );
  return new TextEncoder().encode(moved);
}
