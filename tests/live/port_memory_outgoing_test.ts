/** What leaves is judged by the kernel's program as the model says. */

import { withRunSeed } from "../random.ts";
import { Namespace } from "./namespaces.ts";
import { liveTest } from "./require.ts";

const SENDER = new URL("port_memory_outgoing.ts", import.meta.url).pathname;

liveTest(
  "the kernel judges what leaves as the model does",
  { root: true, tools: ["ip"] },
  async () => {
    await withRunSeed(async (_random, seed) => {
      await using host = await Namespace.create();
      // To nobody's hardware address, so that nobody answers.
      await host.set("net.ipv6.conf.default.disable_ipv6=1");
      const peer = ["type", "veth", "peer", "name", "there"];
      await host.run(["ip", "link", "add", "nowhere", ...peer]);
      for (const name of ["nowhere", "there"]) {
        await host.run(["ip", "link", "set", name, "up"]);
      }
      const command = [Deno.execPath(), "run", "-A", SENDER];
      console.log(await host.run([...command, `${seed}`, "nowhere"]));
    });
  },
);
