import { completions } from "../../daemon/completions/completions.ts";
import { installOptions } from "../../packaging/install.ts";
import { layout } from "../../packaging/layout.ts";
import { FOR_INSTALLER, stage } from "../../packaging/stage.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { run } from "../live/processes.ts";
import { liveTest } from "../live/require.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** How a run of the installer has ended. */
interface Outcome {
  code: number;
  lines: string[];
}

/** One file or two of each kind: each costs a few processes. */
const SAMPLE: readonly string[] = [
  ...["sbin/scanlogd", "share/scanlogd/uninstall"],
  ...["share/scanlogd/fleet/host.conf", "systemd/system/scanlogd.service"],
  ...["default/scanlogd", "init.d/scanlogd"],
];

/** A directory for the tests to install into, which is not there yet. */
class Destination implements AsyncDisposable {
  readonly root: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.root = `${folder}/root`;
  }

  /** @param which Whether all files are there to be installed, or a sample. */
  static async create(which: "all" | "some" = "some"): Promise<Destination> {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    const destination = new Destination(folder);
    await Deno.writeTextFile(destination.binary, "first version");
    const items = layout(destination.binary).filter(({ path }) =>
      which === "all" || SAMPLE.includes(path)
    );
    if (which === "some") assertEquals(items.length, SAMPLE.length);
    await stage(folder, items, FOR_INSTALLER);
    await Deno.copyFile(`${ROOT}packaging/install.sh`, destination.script);
    return destination;
  }

  get binary(): string {
    return `${this.#folder}/binary`;
  }

  get script(): string {
    return `${this.#folder}/install`;
  }

  /** Where programs are looked for first. */
  get bin(): string {
    return `${this.#folder}/bin`;
  }

  /** What lies beside the installer, to be installed. */
  get files(): string {
    return `${this.#folder}/files`;
  }

  /** Changes what is to be installed. */
  async setFile(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.files}/${path}`, text);
  }

  /** Installs or uninstalls as a user would. */
  async task(...args: string[]): Promise<string> {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", ...args],
      cwd: ROOT,
      env: { DESTDIR: this.root, NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  }

  async #run(script: string, args: readonly string[]): Promise<Outcome> {
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [script, ...args],
      env: { DESTDIR: this.root, PATH: `${this.bin}:${Deno.env.get("PATH")}` },
    }).output();
    const text = new TextDecoder().decode(stdout) +
      new TextDecoder().decode(stderr);
    return { code, lines: text.split("\n").slice(0, -1) };
  }

  /** What the installer says, if it succeeds. */
  async #succeed(script: string, args: readonly string[]): Promise<string[]> {
    const { code, lines } = await this.#run(script, args);
    assertEquals(code, 0, lines.join("\n"));
    return lines;
  }

  install(...args: string[]): Promise<string[]> {
    return this.#succeed(this.script, args);
  }

  /** By the script that installing has put there. */
  uninstall(prefix = "/usr/local"): Promise<string[]> {
    return this.#succeed(`${this.root}${prefix}/share/scanlogd/uninstall`, []);
  }

  /** The one line that it says when it fails. */
  async failure(...args: string[]): Promise<string> {
    const { code, lines } = await this.#run(this.script, args);
    assertEquals([code, lines.length], [1, 1], lines.join("\n"));
    return lines[0];
  }

  read(path: string): Promise<string> {
    return Deno.readTextFile(this.root + path);
  }

  async write(path: string, text: string): Promise<void> {
    const folder = this.root + path.replace(/\/[^/]*$/, "");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(this.root + path, text);
  }

  /** Each path with its permissions and content, "/" behind directories. */
  tree(): Promise<string[]> {
    return list(this.root, "");
  }

  async paths(): Promise<string[]> {
    const entries = await this.tree();
    return entries.map((entry) => entry.split(" ")[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function list(root: string, path: string): Promise<string[]> {
  const entries: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(root + path)) {
    const child = `${path}/${name}`;
    const { mode } = await Deno.stat(root + child);
    const rights = (mode! & 0o7777).toString(8);
    if (isDirectory) {
      entries.push(`${child}/ ${rights}`, ...await list(root, child));
    } else {
      const text = await Deno.readTextFile(root + child);
      entries.push(`${child} ${rights} ${text}`);
    }
  }
  return entries.sort();
}

const CONFIGURATION = "/etc/default/scanlogd";
const BINARY = "/usr/local/sbin/scanlogd";

Deno.test("install puts each file where its reader looks", async () => {
  await using destination = await Destination.create("all");
  assertEquals(await destination.install(), []);
  const files = (await destination.paths()).filter((path) =>
    !path.endsWith("/")
  );
  assertEquals(files, [
    "/etc/default/scanlogd",
    "/etc/fail2ban/filter.d/scanlogd-line.conf",
    "/etc/fail2ban/jail.d/scanlogd.conf",
    "/etc/init.d/scanlogd",
    "/etc/logrotate.d/scanlogd",
    "/etc/rsyslog.d/30-scanlogd.conf",
    "/usr/local/lib/systemd/system/scanlogd.service",
    "/usr/local/lib/sysusers.d/scanlogd.conf",
    "/usr/local/lib/tmpfiles.d/scanlogd.conf",
    "/usr/local/sbin/scanlogd",
    "/usr/local/share/bash-completion/completions/scanlogd",
    "/usr/local/share/fish/vendor_completions.d/scanlogd.fish",
    "/usr/local/share/man/man8/scanlogd.8",
    "/usr/local/share/scanlogd/crowdsec/scanlogd-logs.yaml",
    "/usr/local/share/scanlogd/crowdsec/scanlogd-scan.yaml",
    "/usr/local/share/scanlogd/fleet/centre.conf",
    "/usr/local/share/scanlogd/fleet/host.conf",
    "/usr/local/share/scanlogd/fleet/logrotate-hourly.conf",
    "/usr/local/share/scanlogd/fleet/redis.conf",
    "/usr/local/share/scanlogd/fleet/scanlogd-fleet-reader",
    "/usr/local/share/scanlogd/fleet/scanlogd-fleet.logrotate",
    "/usr/local/share/scanlogd/fleet/scanlogd-fleet@.service",
    "/usr/local/share/scanlogd/installed",
    "/usr/local/share/scanlogd/prometheus/scanlogd.rules.yml",
    "/usr/local/share/scanlogd/syslog-ng/scanlogd.conf",
    "/usr/local/share/scanlogd/uninstall",
    "/usr/local/share/zsh/site-functions/_scanlogd",
  ]);
  assertEquals(await destination.read(BINARY), "first version");
  const rights = (await destination.tree()).map((entry) =>
    entry.split(" ").slice(0, 2).join(" ")
  );
  assert(rights.includes(`${BINARY} 755`));
  assert(rights.includes("/etc/init.d/scanlogd 755"));
  assert(rights.includes(`${CONFIGURATION} 644`));
});

Deno.test("what is installed names the executable where it is", async () => {
  await using destination = await Destination.create("all");
  await destination.install("--prefix", "/usr");
  const unit = "/lib/systemd/system/scanlogd.service";
  const start = /^ExecStart=(\S+)/m;
  assertEquals(
    start.exec(await destination.read(`/usr${unit}`))?.[1],
    "/usr/sbin/scanlogd",
  );
  assertEquals(
    await destination.read(
      "/usr/share/bash-completion/completions/scanlogd",
    ),
    completions("bash"),
  );

  await using other = await Destination.create();
  await other.install("--prefix", "/opt/scanlogd/");
  const text = await other.read("/etc/systemd/system/scanlogd.service");
  assertEquals(start.exec(text)?.[1], "/opt/scanlogd/sbin/scanlogd");
  const script = await other.read("/etc/init.d/scanlogd");
  assert(script.includes("\nDAEMON=/opt/scanlogd/sbin/scanlogd\n"));
  assertEquals(await other.uninstall("/opt/scanlogd"), []);
  assertEquals(await other.tree(), []);
});

Deno.test("the tasks install and uninstall need no more permissions than they have", async () => {
  await using destination = await Destination.create();
  const { binary } = destination;
  assertEquals(await destination.task("install", "--binary", binary), "");
  assertEquals(await destination.read(BINARY), "first version");
  assertEquals(await destination.task("uninstall"), "");
  assertEquals(await destination.tree(), []);
  assertEquals(
    await destination.task("install", "--binary", "/no/binary"),
    `install: there is no /no/binary; the executable is built with: npx -y deno@${Deno.version.deno} task compile\n`,
  );
});

Deno.test("an option without its value is named", async () => {
  await using destination = await Destination.create();
  const says = "--prefix needs a path, such as --prefix /usr/local";
  const said = await destination.failure("--prefix");
  assert(said.includes(`install: ${says}`), said);
  for (const action of ["install", "uninstall"]) {
    assertThrows(() => installOptions([action, "--prefix"]), Error, says);
  }
});

Deno.test("installing twice is installing once", async () => {
  await using destination = await Destination.create("all");
  await destination.install();
  const once = await destination.tree();
  await destination.install();
  assertEquals(await destination.tree(), once);
});

Deno.test("uninstall removes what install has made, and nothing else", async () => {
  await using destination = await Destination.create("all");
  await destination.install();
  await destination.install();
  assertEquals(await destination.uninstall(), []);
  assertEquals(await destination.tree(), []);

  await destination.write("/etc/rsyslog.d/50-default.conf", "theirs");
  await destination.write("/usr/local/sbin/other", "theirs");
  const before = await destination.tree();
  await destination.install();
  assertEquals(await destination.install("--uninstall"), []);
  assertEquals(await destination.tree(), before);
});

Deno.test("a new version replaces the old one, and what that had besides, whatever the umask", async () => {
  await using destination = await Destination.create();
  await destination.setFile("prefix/share/scanlogd/old", "no more");
  await destination.install();
  await destination.setFile("prefix/sbin/scanlogd", "second version");
  await Deno.remove(
    `${destination.files}/prefix/share/scanlogd/old`,
  );
  const umask = Deno.umask(0o077);
  try {
    await destination.install();
  } finally {
    Deno.umask(umask);
  }
  const entry = (await destination.tree()).find((one) =>
    one.startsWith(`${BINARY} `)
  );
  assertEquals(entry, `${BINARY} 755 second version`);
  assert(
    !(await destination.paths()).includes("/usr/local/share/scanlogd/old"),
  );
});

Deno.test("changed configuration is neither replaced nor removed", async () => {
  await using destination = await Destination.create();
  await destination.install();
  await destination.write(CONFIGURATION, "OPTIONS=--classic\n");
  for (let i = 0; i < 2; i++) {
    assertEquals(await destination.install(), [
      `${CONFIGURATION} was changed: it stays as it is`,
    ]);
  }
  assertEquals(await destination.read(CONFIGURATION), "OPTIONS=--classic\n");
  assertEquals(await destination.uninstall(), [
    `${CONFIGURATION} was changed: it stays where it is`,
  ]);
  assertEquals(await destination.paths(), [
    "/etc/",
    "/etc/default/",
    CONFIGURATION,
  ]);
});

Deno.test("configuration of others is said to be foreign, and stays in any case", async () => {
  await using destination = await Destination.create();
  await destination.write("/etc/init.d/scanlogd", "another package's");
  const before = await destination.tree();
  for (let i = 0; i < 2; i++) {
    assertEquals(await destination.install(), [
      "/etc/init.d/scanlogd is not ours: it stays as it is",
    ]);
  }
  assertEquals(
    await destination.read("/etc/init.d/scanlogd"),
    "another package's",
  );
  await destination.uninstall();
  assertEquals(await destination.tree(), before);
});

Deno.test("configuration of an older version is replaced if nobody changed it", async () => {
  await using destination = await Destination.create();
  await destination.setFile("etc/default/scanlogd", "older");
  await destination.install();
  await destination.setFile("etc/default/scanlogd", "newer");
  assertEquals(await destination.install(), []);
  assertEquals(await destination.read(CONFIGURATION), "newer");
});

/** As version 0.1.0 wrote it, for the files of that name. */
async function oldRecord(paths: Record<string, string>): Promise<string> {
  const files: Record<string, string> = {};
  for (const [path, text] of Object.entries(paths)) {
    const bytes = new TextEncoder().encode(text);
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    files[path] = new Uint8Array(digest).toHex();
  }
  const directories = ["/etc/default", "/usr/local/sbin"];
  return `${JSON.stringify({ files, directories }, undefined, 2)}\n`;
}

Deno.test("an installation of version 0.1.0 is updated and removed", async () => {
  await using destination = await Destination.create();
  const old = { [BINARY]: "0.1.0", [CONFIGURATION]: "OPTIONS=\n" };
  for (const [path, text] of Object.entries(old)) {
    await destination.write(path, text);
  }
  const record = "/usr/local/share/scanlogd/installed.json";
  await destination.write(record, await oldRecord(old));
  assertEquals(await destination.install(), []);
  assertEquals(await destination.read(BINARY), "first version");
  assert(!(await destination.paths()).includes(record));
  assertEquals(await destination.uninstall(), []);
  const left = (await destination.paths()).filter((path) =>
    !path.endsWith("/")
  );
  assertEquals(left, []);
});

Deno.test("another package's executable stops the installation before it begins", async () => {
  await using destination = await Destination.create();
  await destination.write(BINARY, "another package's");
  const before = await destination.tree();
  assertEquals(
    await destination.failure(),
    `install: ${destination.root}${BINARY} is not ours; remove it, or choose another --prefix`,
  );
  assertEquals(await destination.tree(), before);
});

Deno.test("a service that is enabled is not uninstalled", async () => {
  const links: [string, string][] = [
    ["/etc/systemd/system/multi-user.target.wants", "scanlogd.service"],
    ["/etc/rc2.d", "S01scanlogd"],
  ];
  for (const [folder, link] of links) {
    await using destination = await Destination.create();
    await destination.install();
    await Deno.mkdir(destination.root + folder, { recursive: true });
    await Deno.symlink("/nowhere", `${destination.root}${folder}/${link}`);
    const said = await destination.failure("--uninstall");
    assert(said.startsWith("uninstall: the service is enabled; first: "), said);
    assertEquals(await destination.read(BINARY), "first version");
  }
});

Deno.test("what cannot be done is told in one line", async () => {
  await using destination = await Destination.create();
  const { root } = destination;
  assertEquals(
    await destination.failure("--uninstall"),
    `uninstall: nothing is installed below ${root}/usr/local: there is no ${root}/usr/local/share/scanlogd/installed`,
  );
  await Deno.remove(destination.files, {
    recursive: true,
  });
  assertEquals(
    await destination.failure(),
    `install: there is nothing to install beside ${destination.script}; unpack the whole archive`,
  );
});

Deno.test("without a tool for digests nothing is installed", async () => {
  await using destination = await Destination.create();
  await Deno.mkdir(destination.bin);
  for (const name of ["sha256sum", "shasum"]) {
    const path = `${destination.bin}/${name}`;
    await Deno.writeTextFile(path, "#!/bin/sh\nexit 127\n");
    await Deno.chmod(path, 0o755);
  }
  assertEquals(
    await destination.failure(),
    "install: there is neither sha256sum nor shasum; install one of them",
  );
  assertEquals(await destination.tree(), []);
});

Deno.test("a prefix is a plain absolute path", async () => {
  await using destination = await Destination.create();
  for (
    const prefix of ["usr", "/usr/../etc", "/a b", "/a'b", "", "/", "/a%n"]
  ) {
    const said = await destination.failure(`--prefix=${prefix}`);
    assert(said.includes("--prefix must be an absolute path"), said);
  }
  const said = await destination.failure("--x");
  assert(said.includes("unknown argument --x"), said);
  assertThrows(() => installOptions(["install", "--x"]), Error, "unknown");
  assertThrows(() => installOptions([]), Error, "install or uninstall");
});

liveTest(
  "shellcheck finds nothing wrong in the installer",
  { tools: ["shellcheck"] },
  async () => {
    const script = `${ROOT}packaging/install.sh`;
    assertEquals(await run(["shellcheck", script]), "");
  },
);
