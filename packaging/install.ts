/**
 * Puts the program and what belongs to it in place, and removes it.
 *
 *     deno task install [--prefix DIR] [--binary PATH]
 *     deno task uninstall [--prefix DIR]
 *
 * DESTDIR in the environment stands before every path, for packagers.
 *
 * As packagers do, files below /etc are the administrator's: those that were
 * changed are neither replaced nor removed.
 *
 * @module
 */

import { Failure } from "../daemon/failure.ts";
import { parseArgs } from "../daemon/std.ts";
import { isConfiguration, type Item, layout } from "./layout.ts";
import {
  digest,
  type Installation,
  readRecord,
  recordPath,
  recordText,
} from "./record.ts";
import { Tree } from "./tree.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** The link that `systemctl enable` makes. */
const ENABLED = "/etc/systemd/system/multi-user.target.wants/scanlogd.service";

/** What to do. */
export interface InstallOptions {
  readonly action: "install" | "uninstall";
  readonly prefix: string;
  readonly binary: string;
  /** What stands before each path; "" for the machine itself. */
  readonly destination: string;
}

/**
 * Reads the arguments.
 *
 * @throws {Failure} If they are wrong.
 */
export function installOptions(
  args: readonly string[],
  destination: string,
): InstallOptions {
  const [action, ...rest] = args;
  if (action !== "install" && action !== "uninstall") {
    throw new Failure(`the first argument must be install or uninstall`);
  }
  const names = action === "install" ? ["prefix", "binary"] : ["prefix"];
  const texts = parseArgs(rest, {
    string: names,
    unknown: (arg) => {
      const possible = names.map((name) => `--${name}`).join(" and ");
      throw new Failure(`unknown argument ${arg}; possible: ${possible}`);
    },
  });
  const prefix = texts.prefix as string | undefined ?? "/usr/local";
  const binary = texts.binary as string | undefined ?? `${ROOT}dist/scanlogd`;
  return {
    action,
    prefix: checkedDirectory("--prefix", prefix),
    binary,
    destination: destination && checkedDirectory("DESTDIR", destination),
  };
}

/** The prefix ends up in files that a shell and systemd read. */
function checkedDirectory(name: string, path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (/^(\/[\w.+-]+)+$/.test(trimmed) && !/\/\.\.?(\/|$)/.test(trimmed)) {
    return trimmed;
  }
  throw new Failure(
    `${name} must be an absolute path of letters, digits and ._+-, got "${path}"`,
  );
}

/**
 * Installs; returns what there is to tell.
 *
 * @throws {Failure} If something stands in the way. Then nothing has changed.
 */
export async function install(options: InstallOptions): Promise<string[]> {
  const tree = new Tree(options.destination);
  const before = await readRecord(tree.resolve(recordPath(options.prefix)));
  const items = layout(options);
  const contents = await readAll(items, options);
  await refuseStrangers(tree, items, contents, before);

  const files = new Map<string, string>();
  const directories = [...before.directories];
  const kept: string[] = [];
  for (const [i, { path, mode }] of items.entries()) {
    const old = await tree.read(path);
    if (old !== undefined && await isChanged(path, old, contents[i], before)) {
      kept.push(`${path} was changed: it stays as it is`);
      const known = before.files.get(path);
      if (known !== undefined) files.set(path, known);
      continue;
    }
    directories.push(...await tree.makeParents(path));
    await tree.write(path, contents[i], mode);
    files.set(path, await digest(contents[i]));
  }
  await removeOld(tree, before, files);
  await writeRecord(tree, options.prefix, { files, directories });
  return [...kept, ...nextSteps(options)];
}

async function readAll(
  items: readonly Item[],
  { binary }: InstallOptions,
): Promise<Uint8Array<ArrayBuffer>[]> {
  try {
    return await Promise.all(items.map(({ read }) => read()));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Failure(
      `there is no executable ${binary}; build it with: npx -y deno@${Deno.version.deno} task compile`,
    );
  }
}

/** A file of another package or of somebody's own is not ours to replace. */
async function refuseStrangers(
  tree: Tree,
  items: readonly Item[],
  contents: readonly Uint8Array[],
  { files }: Installation,
): Promise<void> {
  for (const [i, { path }] of items.entries()) {
    if (isConfiguration(path) || files.has(path)) continue;
    const old = await tree.read(path);
    if (old === undefined || isSame(old, contents[i])) continue;
    throw new Failure(
      `${
        tree.resolve(path)
      } was not put there by this script; remove it, or the package that it belongs to, or choose another --prefix`,
    );
  }
}

/** Whether a configuration file is the administrator's work by now. */
async function isChanged(
  path: string,
  old: Uint8Array<ArrayBuffer>,
  next: Uint8Array,
  { files }: Installation,
): Promise<boolean> {
  if (!isConfiguration(path) || isSame(old, next)) return false;
  return files.get(path) !== await digest(old);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, i) => byte === other[i]);
}

/** Removes what an earlier version had and this one has not. */
async function removeOld(
  tree: Tree,
  before: Installation,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const gone = [...before.files].filter(([path]) => !files.has(path));
  await removeFiles(tree, new Map(gone));
}

async function writeRecord(
  tree: Tree,
  prefix: string,
  record: Installation,
): Promise<void> {
  const path = recordPath(prefix);
  const directories = [
    ...record.directories,
    ...await tree.makeParents(path),
  ];
  const text = recordText({ files: record.files, directories });
  await tree.write(path, new TextEncoder().encode(text), 0o644);
}

/**
 * Removes what was installed, and nothing else; returns what there is to tell.
 *
 * @throws {Failure} If nothing is installed, or the service is still enabled.
 */
export async function uninstall(options: InstallOptions): Promise<string[]> {
  const tree = new Tree(options.destination);
  const path = recordPath(options.prefix);
  if (!await tree.has(path)) {
    throw new Failure(
      `nothing is installed below ${
        tree.resolve(options.prefix)
      }: there is no ${tree.resolve(path)}`,
    );
  }
  if (await tree.has(ENABLED)) {
    throw new Failure(
      "the service is enabled; first: systemctl disable --now scanlogd",
    );
  }
  const { files, directories } = await readRecord(tree.resolve(path));
  const kept = await removeFiles(tree, files);
  await tree.remove(path);
  // Those with files of others in them stay.
  for (const directory of directories.toReversed()) {
    await tree.removeIfEmpty(directory);
  }
  return kept.map((file) => `${file} was changed: it stays where it is`);
}

/** Removes files, but not changed configuration; returns what was left. */
async function removeFiles(
  tree: Tree,
  files: ReadonlyMap<string, string>,
): Promise<string[]> {
  const kept: string[] = [];
  for (const [path, known] of files) {
    const old = await tree.read(path);
    if (old === undefined) continue;
    if (isConfiguration(path) && await digest(old) !== known) kept.push(path);
    else await tree.remove(path);
  }
  return kept;
}

/** What the administrator does next; nothing for a packager. */
export function nextSteps({ destination }: InstallOptions): string[] {
  if (destination !== "") return [];
  return [
    "With systemd, next:",
    "  systemd-sysusers scanlogd.conf",
    "  systemd-tmpfiles --create scanlogd.conf",
    "  systemctl daemon-reload",
    "  systemctl enable --now scanlogd",
    "  systemctl try-restart rsyslog",
    "Without systemd:",
    "  useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin scanlogd",
    "  mkdir -p -m 755 /var/empty",
    "  update-rc.d scanlogd defaults",
    "  /etc/init.d/scanlogd start",
  ];
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = installOptions(args, Deno.env.get("DESTDIR") ?? "");
    const perform = options.action === "install" ? install : uninstall;
    for (const line of await perform(options)) console.log(line);
    return 0;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(`${args[0] ?? "install"}: ${text}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
