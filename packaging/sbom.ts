/**
 * What the executable is made of, as a CycloneDX bill of materials.
 *
 * @module
 */

import { type Release, ROOT, runTool } from "./release.ts";

/** What npm has of one package. */
interface Package {
  readonly name: string;
  readonly version: string;
  /** SHA-512, as the lock file has it. */
  readonly integrity: string;
}

/**
 * Writes the bill of materials; returns its path.
 *
 * @throws {Failure} If the packages cannot be found out.
 */
export async function makeSbom(
  { version, time, output }: Release,
): Promise<string> {
  const program = reference("scanlogd", version);
  const packages = (await embeddedPackages()).map(packageComponent);
  const parts = [...runtime(), ...packages];
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": program,
        name: "scanlogd",
        version,
        licenses: [{ license: { id: "MIT" } }],
      },
    },
    components: parts,
    dependencies: [
      { ref: program, dependsOn: parts.map((part) => part["bom-ref"]) },
    ],
  };
  const path = `${output}/scanlogd.cdx.json`;
  await Deno.writeTextFile(path, `${JSON.stringify(bill, undefined, 2)}\n`);
  return path;
}

function reference(name: string, version: string): string {
  return `${name}@${version}`;
}

/** A package as `deno info` has it. */
interface Known {
  readonly name: string;
  readonly version: string;
  /** The keys of others. */
  readonly dependencies: readonly string[];
}

/** The packages that main.ts imports, and those that these import. */
async function embeddedPackages(): Promise<Package[]> {
  const command = [Deno.execPath(), "info", "--json", "main.ts"];
  const text = await runTool(command, ROOT, "this cannot be");
  const { modules, npmPackages } = JSON.parse(text);
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const imported: string[] = modules
    .flatMap(({ npmPackage }: { npmPackage?: string }) => npmPackage ?? []);
  return [...withDependencies(imported, npmPackages)].sort()
    .map((key) => ({ ...npmPackages[key], ...lock.npm[key] }));
}

/** The keys and all that they lead to. */
function withDependencies(
  keys: readonly string[],
  packages: Readonly<Record<string, Known>>,
): Set<string> {
  const found = new Set(keys);
  // A set goes on to what is added meanwhile.
  for (const key of found) {
    for (const one of packages[key].dependencies) found.add(one);
  }
  return found;
}

function packageComponent({ name, version, integrity }: Package) {
  const [, base64] = integrity.split("-");
  return {
    type: "library",
    "bom-ref": reference(name, version),
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    hashes: [{
      alg: "SHA-512",
      content: Uint8Array.fromBase64(base64).toHex(),
    }],
  };
}

/** What `deno compile` puts the program into. */
function runtime() {
  return ["deno", "v8"].map((name) => {
    const version = Deno.version[name as "deno" | "v8"];
    return {
      type: "platform",
      "bom-ref": reference(name, version),
      name,
      version,
    };
  });
}
