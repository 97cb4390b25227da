import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Finds the address of whoever opened a connection; proxies are believed as for requests (the server's `trustProxy`). */
export type PeerAddress = (request: IncomingMessage) => string

/** @param trusted true for any proxy, or addresses and ranges such as `10.0.0.0/8` */
export function peerAddress(trusted: boolean | string | readonly string[] | undefined): PeerAddress {
  const isProxy = proxyTest(trusted)
  return (request) => {
    const said = request.headers['x-forwarded-for']
    const hops = (Array.isArray(said) ? said.join(',') : (said ?? '')).split(',').map((hop) => hop.trim())
    let address = request.socket.remoteAddress ?? ''
    // From the nearest outwards, as far as each is a proxy of ours.
    for (const hop of hops.reverse()) {
      if (!isProxy(address) || isIP(hop) === 0) break
      address = hop
    }
    return address
  }
}

function proxyTest(trusted: boolean | string | readonly string[] | undefined): (address: string) => boolean {
  if (trusted === undefined || typeof trusted === 'boolean') return () => trusted === true
  const list = new BlockList()
  for (const entry of typeof trusted === 'string' ? trusted.split(',') : trusted) {
    const [address = '', bits] = entry.trim().split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(address) === 0) continue
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
