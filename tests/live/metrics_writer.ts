/** Writes counters all the time, for those who read them meanwhile. */

import { formatMetrics } from "../../format/metrics.ts";
import { WholeFile } from "../../format/sink/whole_file.ts";

const file = new WholeFile(Deno.args[0], "--metrics", "counters");
for (let i = 0;; i = (i + 1) * 7 % Number.MAX_SAFE_INTEGER) {
  file.write(formatMetrics({
    ...{ packets: i, dropped: i, damaged: i, tooDeep: i, scans: i },
    ...{ suppressed: i, sources: i, hosts: i, evicted: i, lost: i, started: i },
  }));
  if (file.failure !== undefined) throw file.failure;
  if (i === 0) console.log("written");
  // Readers need the processor too.
  await new Promise((done) => setTimeout(done));
}
