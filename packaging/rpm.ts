/**
 * The RPM package, made by rpmbuild.
 *
 * @module
 */

import { type Item, layout } from "./layout.ts";
import {
  copyDocuments,
  type Release,
  ROOT,
  runTool,
  withFolder,
} from "./release.ts";
import { FOR_PACKAGES, stage } from "./stage.ts";

const HINT = "install it with: apt-get install rpm";

/**
 * Makes the package for this machine's architecture; returns its path.
 *
 * @throws {Failure} If it cannot be made.
 */
export function makeRpm(release: Release): Promise<string> {
  return withFolder(async (folder) => {
    const items = layout(release.binary).filter((one) => !one.isForInstaller);
    await stage(`${folder}/tree`, items, FOR_PACKAGES);
    const lines = [...items.map(listed), ...ownFolders(items)].join("\n");
    await Deno.mkdir(`${folder}/top/BUILD`, { recursive: true });
    await Deno.writeTextFile(`${folder}/top/BUILD/list`, `${lines}\n`);
    await copyDocuments(`${folder}/top/BUILD`);
    const definitions = {
      _topdir: `${folder}/top`,
      _rpmdir: folder,
      _rpmfilename: "package.rpm",
      tree: `${folder}/tree`,
      version: release.version.replace("-", "~"),
      use_source_date_epoch_as_buildtime: "1",
    };
    const flags = Object.entries(definitions)
      .flatMap(([name, value]) => ["--define", `${name} ${value}`]);
    const spec = `${ROOT}packaging/rpm/scanlogd.spec`;
    await runTool(["rpmbuild", "-bb", ...flags, spec], folder, HINT);
    return await moveRpm(`${folder}/package.rpm`, release.output);
  });
}

/** A line of rpm's list: what is the administrator's is kept. */
function listed({ root, path, mode }: Item): string {
  const attributes = `%attr(${mode.toString(8)}, root, root)`;
  const kind = root === "etc" ? "%config(noreplace) " : "";
  const place = `/${FOR_PACKAGES[root]}/${path}`;
  return `${attributes} ${kind}${place}${isManual(path) ? "*" : ""}`;
}

/** What rpm is to remove once it is empty. */
function ownFolders(items: readonly Item[]): string[] {
  const top = "share/scanlogd";
  const folders = items.filter(({ path }) => path.startsWith(`${top}/`))
    .map(({ path }) => path.replace(/\/[^/]*$/, ""));
  return [...new Set([top, ...folders])].map((path) => `%dir /usr/${path}`);
}

/** Some systems compress manual pages on the way. */
function isManual(path: string): boolean {
  return path.startsWith("share/man/");
}

async function moveRpm(path: string, output: string): Promise<string> {
  const format = "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm";
  const query = ["rpm", "-qp", "--queryformat", format, path];
  const name = await runTool(query, output, HINT);
  await Deno.copyFile(path, `${output}/${name}`);
  return `${output}/${name}`;
}
