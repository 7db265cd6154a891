import { completions } from "../../packaging/completions.ts";
import {
  install,
  installOptions,
  nextSteps,
  uninstall,
} from "../../packaging/install.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../assert.ts";

/** An empty directory for the tests to install into. */
class Destination implements AsyncDisposable {
  readonly root: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.root = `${folder}/root`;
  }

  static async create(): Promise<Destination> {
    const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
    const destination = new Destination(folder);
    await Deno.mkdir(destination.root);
    await destination.setBinary("first version");
    return destination;
  }

  get binary(): string {
    return `${this.#folder}/binary`;
  }

  async setBinary(text: string): Promise<void> {
    await Deno.writeTextFile(this.binary, text);
  }

  /** Installs or uninstalls as a user would. */
  async task(...args: string[]): Promise<string> {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", ...args],
      cwd: new URL("../../", import.meta.url).pathname,
      env: { DESTDIR: this.root, NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  }

  install(...args: string[]): Promise<string[]> {
    const all = ["install", "--binary", this.binary, ...args];
    return install(installOptions(all, this.root));
  }

  uninstall(...args: string[]): Promise<string[]> {
    return uninstall(installOptions(["uninstall", ...args], this.root));
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
  tree(path = ""): Promise<string[]> {
    return list(this.root, path);
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
  await using destination = await Destination.create();
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
    "/usr/local/share/scanlogd/installed.json",
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
  await using destination = await Destination.create();
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
    `install: there is no executable /no/binary; build it with: npx -y deno@${Deno.version.deno} task compile\n`,
  );
});

Deno.test("installing twice is installing once", async () => {
  await using destination = await Destination.create();
  await destination.install();
  const once = await destination.tree();
  await destination.install();
  assertEquals(await destination.tree(), once);
});

Deno.test("uninstall removes what install has made, and nothing else", async () => {
  await using destination = await Destination.create();
  await destination.install();
  await destination.install();
  assertEquals(await destination.uninstall(), []);
  assertEquals(await destination.tree(), []);

  await destination.write("/etc/rsyslog.d/50-default.conf", "theirs");
  await destination.write("/usr/local/sbin/other", "theirs");
  const before = await destination.tree();
  await destination.install();
  await destination.uninstall();
  assertEquals(await destination.tree(), before);
});

Deno.test("a new version replaces the old one, whatever the umask", async () => {
  await using destination = await Destination.create();
  await destination.install();
  await destination.setBinary("second version");
  const umask = Deno.umask(0o077);
  try {
    await destination.install();
  } finally {
    Deno.umask(umask);
  }
  assertEquals(await destination.read(BINARY), "second version");
  const entry = (await destination.tree()).find((one) =>
    one.startsWith(`${BINARY} `)
  );
  assertEquals(entry, `${BINARY} 755 second version`);
});

Deno.test("changed configuration is neither replaced nor removed", async () => {
  await using destination = await Destination.create();
  await destination.install();
  await destination.write(CONFIGURATION, "OPTIONS=--classic\n");
  assertEquals(await destination.install(), [
    `${CONFIGURATION} was changed: it stays as it is`,
  ]);
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

Deno.test("configuration that was there before stays in any case", async () => {
  await using destination = await Destination.create();
  await destination.write("/etc/init.d/scanlogd", "another package's");
  const before = await destination.tree();
  assertEquals((await destination.install()).length, 1);
  assertEquals(
    await destination.read("/etc/init.d/scanlogd"),
    "another package's",
  );
  await destination.uninstall();
  assertEquals(await destination.tree(), before);
});

Deno.test("configuration of an older version is replaced if nobody changed it", async () => {
  await using destination = await Destination.create();
  await destination.install();
  const record = "/usr/local/share/scanlogd/installed.json";
  const current = await destination.read(CONFIGURATION);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode("older")),
  ).toHex();
  const content = JSON.parse(await destination.read(record));
  content.files[CONFIGURATION] = digest;
  await destination.write(record, JSON.stringify(content));
  await destination.write(CONFIGURATION, "older");
  assertEquals(await destination.install(), []);
  assertEquals(await destination.read(CONFIGURATION), current);
});

Deno.test("another package's executable stops the installation before it begins", async () => {
  await using destination = await Destination.create();
  await destination.write(BINARY, "another package's");
  const before = await destination.tree();
  await assertRejects(
    () => destination.install(),
    Error,
    "was not put there by this script",
  );
  assertEquals(await destination.tree(), before);
});

Deno.test("a service that is enabled is not uninstalled", async () => {
  await using destination = await Destination.create();
  await destination.install();
  const folder = "/etc/systemd/system/multi-user.target.wants";
  await Deno.mkdir(destination.root + folder, { recursive: true });
  const link = `${destination.root}${folder}/scanlogd.service`;
  await Deno.symlink("/nowhere", link);
  await assertRejects(
    () => destination.uninstall(),
    Error,
    "systemctl disable --now scanlogd",
  );
  assertEquals(await destination.read(BINARY), "first version");
});

Deno.test("what cannot be done is told in one line", async () => {
  await using destination = await Destination.create();
  await assertRejects(
    () => destination.uninstall(),
    Error,
    "nothing is installed below",
  );
  const missing = installOptions(
    ["install", "--binary", "/no/binary"],
    destination.root,
  );
  await assertRejects(
    () => install(missing),
    Error,
    "there is no executable /no/binary; build it with: npx -y deno@",
  );
});

Deno.test("a prefix is a plain absolute path", () => {
  for (
    const prefix of ["usr", "/usr/../etc", "/a b", "/a'b", "", "/", "/a%n"]
  ) {
    assertThrows(
      () => installOptions(["install", `--prefix=${prefix}`], ""),
      Error,
      "--prefix must be an absolute path",
    );
  }
  assertThrows(() => installOptions(["install"], "relative"), Error, "DESTDIR");
  assertThrows(() => installOptions(["install", "--x"], ""), Error, "unknown");
  assertThrows(() => installOptions([], ""), Error, "install or uninstall");
});

Deno.test("who installs for this machine is told what comes next, a packager is not", () => {
  const told = nextSteps(installOptions(["install"], ""));
  assert(told.includes("  systemctl enable --now scanlogd"), told.join("\n"));
  assertEquals(nextSteps(installOptions(["install"], "/tmp/x")), []);
});
