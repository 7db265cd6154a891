/**
 * Which file goes where: the one list that the installer, the tarball and the
 * packages are made from.
 *
 * @module
 */

import { completions } from "../daemon/completions/completions.ts";

const HERE = new URL("./", import.meta.url).pathname;

/**
 * Where a path begins: below the prefix, below the directory where systemd
 * looks for that prefix, or below /etc.
 */
export type Root = "prefix" | "system" | "etc";

/** A file to install. */
export interface Item {
  /** Its place below {@linkcode Item.root}. */
  readonly path: string;
  readonly root: Root;
  /** Its permissions. */
  readonly mode: number;
  /** Reads what goes there. */
  readonly read: () => Promise<Uint8Array<ArrayBuffer>>;
  /** Whether only the installer needs it, and no package manager. */
  readonly isForInstaller: boolean;
}

/** The files. They name the executable as if the prefix were /usr. */
export function layout(binary: string): Item[] {
  return [
    item("prefix", "sbin/scanlogd", () => Deno.readFile(binary), 0o755),
    copy("prefix", "share/man/man8/scanlogd.8", "scanlogd.8"),
    complete("bash-completion/completions/scanlogd", "bash"),
    complete("zsh/site-functions/_scanlogd", "zsh"),
    complete("fish/vendor_completions.d/scanlogd.fish", "fish"),
    ...["crowdsec/scanlogd-logs.yaml", "crowdsec/scanlogd-scan.yaml"]
      .map((name) => shared(name)),
    ...["prometheus/scanlogd.rules.yml", "syslog-ng/scanlogd.conf"].map((
      name,
    ) => shared(name)),
    ...FLEET.map((name) => shared(`fleet/${name}`)),
    shared("fleet/scanlogd-fleet-reader", 0o755),
    copy("system", "systemd/system/scanlogd.service", "scanlogd.service"),
    copy("system", "sysusers.d/scanlogd.conf", "scanlogd.sysusers"),
    copy("system", "tmpfiles.d/scanlogd.conf", "scanlogd.tmpfiles"),
    copy("etc", "default/scanlogd", "scanlogd.default"),
    copy("etc", "logrotate.d/scanlogd", "scanlogd.logrotate"),
    copy("etc", "rsyslog.d/30-scanlogd.conf", "scanlogd.rsyslog"),
    ...["filter.d/scanlogd-line.conf", "jail.d/scanlogd.conf"].map((name) =>
      copy("etc", `fail2ban/${name}`, `fail2ban/${name}`)
    ),
    ...INSTALLER_ONLY,
  ];
}

/** What docs/FLEET.md tells to copy, but for the program. */
const FLEET: readonly string[] = [
  ...["centre.conf", "host.conf", "logrotate-hourly.conf", "redis.conf"],
  ...["scanlogd-fleet.logrotate", "scanlogd-fleet@.service"],
];

/** Packages are for systemd, and removed by their manager. */
const INSTALLER_ONLY: readonly Item[] = [
  copy("etc", "init.d/scanlogd", "scanlogd.init", 0o755),
  copy("prefix", "share/scanlogd/uninstall", "install.sh", 0o755),
].map((one) => ({ ...one, isForInstaller: true }));

function item(
  root: Root,
  path: string,
  read: Item["read"],
  mode = 0o644,
): Item {
  return { root, path, read, mode, isForInstaller: false };
}

function copy(root: Root, path: string, source: string, mode?: number): Item {
  return item(root, path, () => Deno.readFile(`${HERE}${source}`), mode);
}

/** What an administrator may copy, and no program reads there. */
function shared(source: string, mode?: number): Item {
  return copy("prefix", `share/scanlogd/${source}`, source, mode);
}

function complete(path: string, shell: string): Item {
  return item(
    "prefix",
    `share/${path}`,
    () => Promise.resolve(new TextEncoder().encode(completions(shell))),
  );
}
