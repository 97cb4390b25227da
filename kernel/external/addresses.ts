import { BlockList, isIP } from 'node:net'

/** What an address on the network is to us. `metadata` holds what clouds tell their machines, secrets included. */
export type AddressKind = 'public' | 'private' | 'metadata'

const closed = new BlockList()
/** Not to be had even by a name that an operator allows; only by listing the address itself. */
const metadata = new BlockList()
const routable = new BlockList()

for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // between a provider and its customers
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24], // relays of 6to4
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  closed.addSubnet(network, bits, 'ipv4')
closed.addAddress('168.63.129.16', 'ipv4') // Azure's, in a public range

metadata.addSubnet('169.254.0.0', 16, 'ipv4')
metadata.addAddress('100.100.100.200', 'ipv4')
metadata.addAddress('168.63.129.16', 'ipv4')
metadata.addAddress('192.0.0.192', 'ipv4')
metadata.addSubnet('fe80::', 10, 'ipv6')
metadata.addSubnet('fd00:ec2::', 32, 'ipv6')
metadata.addSubnet('fd20:ce::', 32, 'ipv6')

// Of IPv6 only what is handed out to the world counts as public. Everything that wraps an IPv4 address (mapped, compatible, NAT64,
// 6to4, Teredo, ISATAP) is outside of it or taken out here, so that no spelling of 127.0.0.1 slips through.
routable.addSubnet('2000::', 3, 'ipv6')
for (const [network, bits] of [
  ['2001::', 23], // Teredo, ORCHID, benchmarks
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const)
  closed.addSubnet(network, bits, 'ipv6')
/** The interface part with which ISATAP wraps an IPv4 address, whatever the network before it. */
const isatap = /(^|:)(0|200)?:?5efe:/i

/** @param address an IP address without brackets; anything else counts as private */
export function addressKind(address: string): AddressKind {
  const plain = address.split('%', 1)[0] ?? ''
  const family = isIP(plain)
  if (family === 0) return 'private'
  // A mapped address is asked about as what it wraps, for which BlockList knows the rules.
  const type = family === 4 ? 'ipv4' : 'ipv6'
  if (metadata.check(plain, type)) return 'metadata'
  if (family === 6 && (!routable.check(plain, 'ipv6') || isatap.test(plain))) return 'private'
  return closed.check(plain, type) ? 'private' : 'public'
}
