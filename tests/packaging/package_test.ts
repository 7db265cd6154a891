import { makeDeb } from "../../packaging/deb.ts";
import { layout } from "../../packaging/layout.ts";
import { packageOptions } from "../../packaging/package.ts";
import { documentPaths, type Release } from "../../packaging/release.ts";
import { makeRpm } from "../../packaging/rpm.ts";
import { makeSbom } from "../../packaging/sbom.ts";
import { makeTarball } from "../../packaging/tarball.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const HERE = import.meta.url;
/** What stands for the executable: a small one. */
const BINARY = "/bin/true";

async function withRelease(
  body: (release: Release) => Promise<void>,
): Promise<void> {
  const output = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    const time = Date.UTC(2026, 0, 2) / 1000;
    await body({ version: "1.2.3-rc.1", time, binary: BINARY, output });
  } finally {
    await Deno.remove(output, { recursive: true });
  }
}

/** Where packages have the files, but for those of the installer. */
function packagedPaths(): string[] {
  const places = { prefix: "/usr", system: "/usr/lib", etc: "/etc" };
  return layout(BINARY).filter((one) => !one.isForInstaller)
    .map(({ root, path }) => `${places[root]}/${path}`).sort();
}

const CONFIGURATION = packagedPaths().filter((path) =>
  path.startsWith("/etc/")
);

Deno.test("packages have all that docs/FLEET.md tells to copy", () => {
  const folder = new URL("../../packaging/fleet/", HERE);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert(names.length >= 6, names.join());
  const packaged = packagedPaths()
    .filter((path) => path.startsWith("/usr/share/scanlogd/fleet/"))
    .map((path) => path.replace(/.*\//, ""));
  assertEquals(packaged, names.sort());
  const page = Deno.readTextFileSync(new URL("../../docs/FLEET.md", HERE));
  const copied = [...page.matchAll(/^cp (\S+) /gm)].map(([, name]) => name);
  assertEquals(copied.sort(), names);
});

/** Where Debian has what others have elsewhere. */
function asInDebian(path: string): string {
  return path.replace("/zsh/site-functions/", "/zsh/vendor-completions/")
    .replace(/scanlogd\.8$/, "$&.gz");
}

Deno.test("the options of task package", () => {
  const { kinds, binary, output } = packageOptions([]);
  assertEquals(kinds, ["tarball", "deb"]);
  assert(binary.endsWith("/dist/scanlogd") && output.endsWith("/dist"));
  const args = ["rpm", "--binary", "/b", "--output", "/o/"];
  assertEquals(packageOptions(args), {
    kinds: ["rpm"],
    binary: "/b",
    output: "/o",
    target: Deno.build.target,
  });
  const wrong: [string[], string][] = [
    [["msi"], 'cannot make "msi"; possible: tarball, deb, rpm, sbom'],
    [["--x"], "unknown argument --x; possible: --binary, "],
    [["tarball", "--target", "z80"], "--target must be one of x86_64-"],
    [["--target", "aarch64-apple-darwin"], "deb and rpm are for this machine"],
  ];
  for (const [args, says] of wrong) {
    assertThrows(() => packageOptions(args), Error, says);
  }
});

liveTest(
  "the tarball has what its installer needs, and is the same each time",
  { tools: ["tar", "gzip"] },
  () =>
    withRelease(async (release) => {
      const path = await makeTarball(release, "x86_64-unknown-linux-gnu");
      const bytes = await Deno.readFile(path);
      const list = (await run(["tar", "-tvzf", path])).split("\n");
      const top = "scanlogd-1.2.3-rc.1-x86_64-unknown-linux-gnu";
      assert(path.endsWith(`/${top}.tar.gz`), path);
      assertEquals(
        list.map((line) => line.replace(/^.* /, "")),
        [
          ...[...documentPaths(), "install"],
          ...layout(BINARY).map(({ root, path }) => `files/${root}/${path}`),
        ].map((name) => `${top}/${name}`).sort(),
      );
      for (const line of list) assert(/ 0\/0 .* 2026-01-02 /.test(line), line);
      const executable = list.filter((line) => line.startsWith("-rwxr-xr-x"));
      assertEquals(executable.map((line) => line.replace(/^.*\//, "")), [
        ...["scanlogd", "scanlogd", "scanlogd-fleet-reader", "uninstall"],
        "install",
      ]);
      await makeTarball(release, "x86_64-unknown-linux-gnu");
      assertEquals(await Deno.readFile(path), bytes);
    }),
);

liveTest(
  "the .deb has every file, keeps configuration, and takes the place of Debian's",
  { tools: ["dh", "fakeroot", "dpkg-deb"] },
  () =>
    withRelease(async (release) => {
      const path = await makeDeb(release);
      const name = path.slice(release.output.length + 1);
      assert(/^scanlogd-deno_1\.2\.3~rc\.1-1_\w+\.deb$/.test(name), name);
      const list = (await run(["dpkg-deb", "-c", path])).split("\n")
        .map((line) => line.replace(/^.* \./, ""))
        // Where units go depends on the version of debhelper.
        .map((line) => line.replace(/^\/lib\//, "/usr/lib/"))
        .filter((line) => !line.endsWith("/"))
        .filter((line) => !/^\/usr\/share\/(doc|lintian)\//.test(line));
      assertEquals(list.sort(), packagedPaths().map(asInDebian).sort());
      const conffiles = await run(["dpkg-deb", "-I", path, "conffiles"]);
      assertEquals(conffiles.trim().split("\n").sort(), CONFIGURATION);
      const control = await run(["dpkg-deb", "-I", path, "control"]);
      for (const field of ["Conflicts", "Replaces", "Provides"]) {
        assert(control.includes(`\n${field}: scanlogd\n`), control);
      }
      assert(/^Depends: .*systemd.*libc6/m.test(control), control);
    }),
);

liveTest(
  "the .rpm has every file, and keeps configuration",
  { tools: ["rpmbuild", "rpm"] },
  () =>
    withRelease(async (release) => {
      const path = await makeRpm(release);
      const name = path.slice(release.output.length + 1);
      assert(/^scanlogd-deno-1\.2\.3~rc\.1-1\.\w+\.rpm$/.test(name), name);
      const query = (format: string) =>
        run(["rpm", "-qp", "--queryformat", format, path]);
      const files = (await query("[%{FILEFLAGS:fflags} %{FILENAMES}\n]"))
        .split("\n").map((line) => line.split(" "));
      const paths = files.map(([, path]) => path)
        .filter((path) => !/^\/usr\/share\/(doc|licenses)\//.test(path));
      const folders = ["", "/crowdsec", "/fleet", "/prometheus", "/syslog-ng"]
        .map((name) => `/usr/share/scanlogd${name}`);
      assertEquals(
        paths.sort(),
        [...packagedPaths(), ...folders, "/var/empty"].sort(),
      );
      const kept = files.filter(([flags]) => flags === "cn");
      assertEquals(kept.map(([, path]) => path).sort(), CONFIGURATION);
      assertEquals(await query("%{CONFLICTNAME}"), "scanlogd");
    }),
);

liveTest(
  "shellcheck finds nothing wrong in what runs when packages are installed",
  { tools: ["shellcheck"] },
  async () => {
    const folder = new URL("../../packaging/debian/", import.meta.url).pathname;
    const scripts = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => /\.post\w+$/.test(name));
    assertEquals(scripts.length, 2);
    const paths = scripts.map((name) => folder + name);
    assertEquals(await run(["shellcheck", ...paths]), "");
  },
);

Deno.test("the bill of materials names what the executable is made of", () =>
  withRelease(async (release) => {
    const path = await makeSbom(release);
    const bill = JSON.parse(await Deno.readTextFile(path));
    const { metadata, components } = bill;
    assertEquals(
      [bill.bomFormat, bill.specVersion, metadata.component.version],
      ["CycloneDX", "1.6", "1.2.3-rc.1"],
    );
    assertEquals(metadata.timestamp, "2026-01-02T00:00:00.000Z");
    const names = components.map(({ name }: { name: string }) => name);
    assertEquals(names, ["deno", "v8", "deno-std"]);
    const [deno, , std] = components;
    assertEquals(deno.version, Deno.version.deno);
    assertEquals(std.purl, `pkg:npm/deno-std@${std.version}`);
    assert(/^[\da-f]{128}$/.test(std.hashes[0].content));
    const refs = components.map((one: { "bom-ref": string }) => one["bom-ref"]);
    assertEquals(bill.dependencies[0].dependsOn, refs);
  }));
