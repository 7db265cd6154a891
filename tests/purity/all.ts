/** All that a user of the library may import. */

export * as main from "../../mod.ts";
export * as format from "../../library/format.ts";
export * as packet from "../../library/packet.ts";
export * as savefile from "../../library/savefile.ts";
export * as web from "../../library/web.ts";
