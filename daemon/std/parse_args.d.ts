export interface ParseArgsOptions {
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  alias?: Readonly<Record<string, string>>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export function parseArgs(
  args: readonly string[],
  options?: ParseArgsOptions,
): Record<string, unknown> & { _: (string | number)[] };
