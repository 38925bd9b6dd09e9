import { isIP } from 'node:net'

/** Where a request says it comes from and goes to; the part of the headers that the checks below look at. */
export interface OriginHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | string[] | undefined
}

/** True for names and addresses of this very machine. `host` as in a Host header, with or without a port. */
export function isLoopbackHost(host: string): boolean {
  const name = hostName(host)
  return name === 'localhost' || name === '[::1]' || (isIP(name) === 4 && name.startsWith('127.'))
}

/** True for the peer address of a connection from this machine. */
export function isLoopbackPeer(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

function hostName(host: string): string {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host)
  return match?.[1]?.toLowerCase() ?? ''
}

/**
 * Whether a page of ours made the request: `yes`, `no`, or `unknown` for a client that is no browser. Browsers say it in Sec-Fetch-Site
 * (where the address is trustworthy: https or loopback) and in Origin; pages cannot forge either.
 */
export function sameOrigin(headers: OriginHeaders): 'yes' | 'no' | 'unknown' {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' ? 'yes' : 'no'
  if (headers.origin === undefined) return 'unknown'
  const host = URL.canParse(headers.origin) ? new URL(headers.origin).host : ''
  return host !== '' && host === headers.host?.toLowerCase() ? 'yes' : 'no'
}
