/**
 * CrowdSec, with our parser and scenarios, in a network of its own.
 *
 * @module
 */

import { run } from "../live/processes.ts";

const PACKAGING =
  new URL("../../packaging/crowdsec/", import.meta.url).pathname;

/** Where Debian's package is unpacked, if not where it is installed. */
const ROOT = Deno.env.get("SCANLOGD_CROWDSEC") ?? "";
const HUB = `${ROOT}/usr/share/crowdsec/hub/parsers`;
const CROWDSEC = `${ROOT}/usr/bin/crowdsec`;
const CSCLI = `${ROOT}/usr/bin/cscli`;

/** What the test needs of the machine. */
export const NEEDS = {
  root: true,
  tools: ["unshare", "ip"],
  files: [CROWDSEC, CSCLI],
};

const PARSERS = [
  ["s00-raw", `${HUB}/s00-raw/crowdsecurity/syslog-logs.yaml`],
  ["s01-parse", `${PACKAGING}scanlogd-logs.yaml`],
  ["s02-enrich", `${HUB}/s02-enrich/crowdsecurity/dateparse-enrich.yaml`],
];

function configuration(folder: string): string {
  return `
common: {daemonize: false, log_media: stdout, log_level: info, working_dir: .}
config_paths:
  config_dir: ${folder}
  data_dir: ${folder}/data
  simulation_path: ${ROOT}/etc/crowdsec/simulation.yaml
  hub_dir: ${folder}/hub
  index_path: ${folder}/hub/.index.json
  notification_dir: ${folder}/none
  plugin_dir: ${folder}/none
crowdsec_service: {parser_routines: 1}
db_config: {type: sqlite, db_path: ${folder}/data/crowdsec.db}
plugin_config: {user: nobody, group: nogroup}
api:
  client: {credentials_path: ${folder}/credentials.yaml}
  server:
    listen_uri: 127.0.0.1:8080
    profiles_path: ${ROOT}/etc/crowdsec/profiles.yaml
prometheus: {enabled: false}
`;
}

async function prepare(folder: string): Promise<void> {
  for (const name of ["data", "hub", "none", "scenarios"]) {
    await Deno.mkdir(`${folder}/${name}`);
  }
  for (const [stage, path] of PARSERS) {
    await Deno.mkdir(`${folder}/parsers/${stage}`, { recursive: true });
    await Deno.copyFile(path, `${folder}/parsers/${stage}/${stage}.yaml`);
  }
  const scenario = "scanlogd-scan.yaml";
  await Deno.copyFile(PACKAGING + scenario, `${folder}/scenarios/${scenario}`);
  await run(["cp", "-r", `${ROOT}/etc/crowdsec/patterns`, folder]);
  await Deno.writeTextFile(
    `${folder}/hub/.index.json`,
    '{"parsers": {}, "scenarios": {}, "collections": {}, "postoverflows": {}}',
  );
  await Deno.writeTextFile(`${folder}/config.yaml`, configuration(folder));
}

const SCRIPT = `set -e
ip link set lo up
${CSCLI} -c "$1/config.yaml" machines add test --password test \\
  --file "$1/credentials.yaml" --force >/dev/null 2>&1
exec ${CROWDSEC} -c "$1/config.yaml" -dsn "file://$1/log" -type syslog 2>&1
`;

/**
 * Lets CrowdSec read lines of syslog; returns whom its scenarios name, with
 * the kind of name (Ip or Range), sorted. Somebody named twice stands once.
 */
export async function culprits(lines: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-test-" });
  try {
    await prepare(folder);
    await Deno.writeTextFile(`${folder}/log`, `${lines.join("\n")}\n`);
    const said = await run([
      ...["unshare", "--net", "sh", "-c", SCRIPT, "sh", folder],
    ]);
    if (!said.includes("Acquisition is finished")) throw new Error(said);
    const named = said.matchAll(/(\w+ \S+) performed 'scanlogd\//g);
    return [...new Set([...named].map(([, name]) => name))].sort();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
