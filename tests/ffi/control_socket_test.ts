import { bindControl } from "../../ffi/control_socket.ts";
import { assertThrows } from "../assert.ts";

Deno.test({
  name: "a name that is too long for a socket is said to be",
  ignore: Deno.build.os !== "linux",
  fn() {
    assertThrows(
      () => bindControl("/" + "a".repeat(107)),
      Error,
      "the path is 108 bytes long, at most 107 are possible",
    );
  },
});
