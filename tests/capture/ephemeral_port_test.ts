import { parsePortRange } from "../../capture/ephemeral_port.ts";
import { assertEquals } from "../assert.ts";
import { Namespace } from "../live/namespaces.ts";
import { liveTest } from "../live/require.ts";

Deno.test("the lowest port of the kernel's range", () => {
  assertEquals(parsePortRange("32768\t60999\n"), 32_768);
  assertEquals(parsePortRange("1024\t65535\n"), 1024);
  assertEquals(parsePortRange("1 1"), 1);
});

Deno.test("what is no range of ports is none", () => {
  const wrong = [
    ...["", "32768", "32768\n", "a\tb\n", "0\t100\n", "-1\t5\n"],
    ...["60999\t32768\n", "32768\t65536\n", "32768\t60999\t7\n"],
  ];
  for (const text of wrong) assertEquals(parsePortRange(text), undefined, text);
});

liveTest(
  "the range is that of the namespace that the process runs in",
  { root: true, tools: ["ip", "sysctl"] },
  async () => {
    await using host = await Namespace.create();
    await host.set("net.ipv4.ip_local_port_range=40001 50000");
    const module = new URL("../../capture/ephemeral_port.ts", import.meta.url);
    const source =
      `import { lowestEphemeralPort } from "${module}"; console.log(lowestEphemeralPort());`;
    const told = await host.run([Deno.execPath(), "eval", source]);
    assertEquals(told, "40001");
  },
);
