/**
 * Counts the bytes of the buffers that a program allocates. It has to be the
 * first module that is loaded.
 *
 * @module
 */

let isCounting = false;
let bytes = 0;

/** Runs something; returns how many bytes of buffers were allocated meanwhile. */
export function allocatedBy(action: () => void): number {
  bytes = 0;
  isCounting = true;
  try {
    action();
  } finally {
    isCounting = false;
  }
  return bytes;
}

type Constructor = new (...args: unknown[]) => { byteLength: number };

/** A constructor that counts, unless it makes a view of a buffer that exists. */
function counting(constructor: Constructor): Constructor {
  return new Proxy(constructor, {
    construct(target, args, newTarget) {
      const made = Reflect.construct(target, args, newTarget);
      const isView = args[0] instanceof ArrayBuffer;
      if (isCounting && !isView) bytes += made.byteLength;
      return made;
    },
  });
}

const NAMES = [
  ...["ArrayBuffer", "Uint8Array", "Uint8ClampedArray", "Int8Array"],
  ...["Uint16Array", "Int16Array", "Uint32Array", "Int32Array"],
  ...["Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"],
];

const globals = globalThis as unknown as Record<string, Constructor>;
for (const name of NAMES) globals[name] = counting(globals[name]);
