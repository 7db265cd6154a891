import { readIgnored } from "../../daemon/ignored.ts";
import { Failure } from "../../daemon/failure.ts";
import { IgnoreRules } from "../../mod.ts";
import { assertEquals, assertThrows } from "../assert.ts";

/** Reads a file with a content. */
function read(content: string): string[] {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, content);
    return readIgnored({
      "ignore": ["192.0.2.7"],
      "ignore-ports": [],
      "ignore-file": [path],
    });
  } catch (error) {
    if (error instanceof Error) {
      error.message = error.message.replaceAll(path, "FILE");
    }
    throw error;
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("a file has one rule a line, comments and blank lines", () => {
  assertEquals(
    read("\ufeff# scanners\r\n10.0.0.0/8 # ours\r\n\r\n\t::1=53+udp/123\n#\n"),
    ["192.0.2.7", "10.0.0.0/8", "::1=53+udp/123"],
  );
  assertEquals(read(""), ["192.0.2.7"]);
});

const REFUSED: Record<string, string> = {
  "10.0.0.0/8\nhome\n":
    '--ignore-file: FILE, line 2: this must be an address or a network such as 192.0.2.0/24, got "home"',
  "10.0.0.1=80,81":
    '--ignore-file: FILE, line 1: this must have ports such as 53, 6000-6100, udp/123, or several with + between them, got "80,81"',
};

for (const [content, message] of Object.entries(REFUSED)) {
  Deno.test(`a file is refused with its line: ${message}`, () => {
    assertEquals(
      assertThrows(() => read(content), Failure).message,
      message,
    );
  });
}

Deno.test("a file that is not there is named", () => {
  assertThrows(
    () =>
      readIgnored({
        "ignore": [],
        "ignore-ports": [],
        "ignore-file": ["/none.txt"],
      }),
    Failure,
    '--ignore-file: there is no file "/none.txt"; name another one, or leave the option out',
  );
});

Deno.test("a file without an end is refused, and a pipe without a writer", async () => {
  const directory = await Deno.makeTempDir();
  const pipe = `${directory}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const link = `${directory}/link`;
  await Deno.symlink(pipe, link);
  const refused = {
    "/dev/zero": "has more than 64 MiB; name a file of text",
    [pipe]: "is a pipe; name a file of text",
    [link]: "is a pipe; name a file of text",
  };
  for (const [path, why] of Object.entries(refused)) {
    const options = { ignore: [], "ignore-ports": [], "ignore-file": [path] };
    assertThrows(
      () => readIgnored(options),
      Failure,
      `--ignore-file: "${path}" ${why}`,
    );
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("100,000 networks of a file make rules", () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => {
    const [a, b] = [i >> 8, i & 255];
    return i % 2 === 0
      ? `10.${a & 255}.${b}.${a >> 8}`
      : `2001:db8:${a.toString(16)}:${b.toString(16)}::/64`;
  });
  const start = performance.now();
  const rules = IgnoreRules.from(read(lines.join("\n")));
  console.log(`${Math.round(performance.now() - start)} ms`);
  assertEquals(rules.has(0x20010db8, 0x00000001, 5, 6, 6, 22), true);
  assertEquals(rules.has(0x20010db8, 0x00000000, 5, 6, 6, 22), false);
});
