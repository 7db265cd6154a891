/**
 * Packets and segments: addresses, link types, headers and fragments, and the
 * numbers that stand in them.
 *
 * @module
 */

export {
  type Address,
  AddressSet,
  type AddressWords,
  formatAddress,
  type Network,
  parseAddress,
  parseNetwork,
} from "../detect/packet/address.ts";
export {
  DATAGRAMS,
  type HeaderHandler,
  HeaderReassembler,
} from "../detect/packet/fragments.ts";
export { FragmentInfo } from "../detect/packet/fragment.ts";
export {
  type DecoderOptions,
  HeaderDecoder,
} from "../detect/packet/headers.ts";
export { TCP_HEADER } from "../detect/packet/transport.ts";
export {
  FRAME_DAMAGED,
  FRAME_TOO_DEEP,
  isForeign,
} from "../detect/packet/frame.ts";
export { type KindCount, PacketKinds } from "../detect/packet/kinds.ts";
export { linkTypeName } from "../detect/packet/link_names.ts";
export {
  findNetworkHeader,
  isSupportedLinkType,
  LINKTYPE_C_HDLC,
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NFLOG,
  LINKTYPE_NULL,
  LINKTYPE_PFLOG,
  LINKTYPE_PKTAP,
  LINKTYPE_PKTAP_DLT,
  LINKTYPE_PPP,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
  SUPPORTED_LINK_TYPES,
} from "../detect/packet/link.ts";
export {
  DAMAGED,
  DECODED,
  FRAGMENT,
  IP_PROTOCOL,
  OTHER_PROTOCOL,
  type Outcome,
  REFUSAL,
  TOO_DEEP,
  UNREADABLE,
} from "../detect/packet/outcome.ts";
export {
  type Direction,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  Packet,
  type PacketHandler,
  type PacketInit,
} from "../detect/packet/packet.ts";
export {
  DATAGRAM_EMPTY,
  DATAGRAM_REPLY,
  DATAGRAM_UNKNOWN,
  type DatagramKind,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_IGMP,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SCTP_ABORT,
  SCTP_COOKIE_ECHO,
  SCTP_INIT,
  SCTP_INIT_ACK,
  Segment,
  type SegmentInit,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  UNKNOWN_FLAGS,
} from "../detect/packet/segment.ts";
