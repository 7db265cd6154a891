/**
 * Names of link types.
 *
 * @module
 */

/** As https://www.tcpdump.org/linktypes.html has them, without `LINKTYPE_`. */
const NAMES: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "ETHERNET",
  6: "IEEE802_5",
  7: "ARCNET_BSD",
  8: "SLIP",
  9: "PPP",
  10: "FDDI",
  12: "RAW",
  14: "RAW",
  50: "PPP_HDLC",
  51: "PPP_ETHER",
  100: "ATM_RFC1483",
  101: "RAW",
  104: "C_HDLC",
  105: "IEEE802_11",
  107: "FRELAY",
  108: "LOOP",
  109: "ENC",
  113: "LINUX_SLL",
  117: "PFLOG",
  119: "IEEE802_11_PRISM",
  122: "IP_OVER_FC",
  127: "IEEE802_11_RADIOTAP",
  138: "APPLE_IP_OVER_IEEE1394",
  147: "USER0",
  149: "PKTAP",
  163: "IEEE802_11_AVS",
  165: "BACNET_MS_TP",
  187: "BLUETOOTH_HCI_H4",
  189: "USB_LINUX",
  192: "PPI",
  195: "IEEE802_15_4_WITHFCS",
  201: "BLUETOOTH_HCI_H4_WITH_PHDR",
  215: "IEEE802_15_4_NONASK_PHY",
  219: "MPLS",
  220: "USB_LINUX_MMAPPED",
  227: "CAN_SOCKETCAN",
  228: "IPV4",
  229: "IPV6",
  230: "IEEE802_15_4_NOFCS",
  231: "DBUS",
  239: "NFLOG",
  240: "NETANALYZER",
  242: "IPOIB",
  247: "INFINIBAND",
  249: "USBPCAP",
  251: "BLUETOOTH_LE_LL",
  252: "WIRESHARK_UPPER_PDU",
  253: "NETLINK",
  258: "PKTAP",
  276: "LINUX_SLL2",
};

/**
 * The name of a link type without its `LINKTYPE_`, or "unknown".
 *
 * @example
 * ```ts
 * import { linkTypeName } from "@scanlogd/scanlogd/packet";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(linkTypeName(105), "IEEE802_11");
 * ```
 */
export function linkTypeName(linkType: number): string {
  return NAMES[linkType] ?? "unknown";
}
