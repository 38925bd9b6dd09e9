import type { Policy } from '../model/policy.js'

/** True if `text` is `pattern`, where each `*` stands for any characters. Case matters. Linear in practice: no regular expression that could run away. */
export function matchesPattern(pattern: string, text: string): boolean {
  const pieces = pattern.split('*')
  const first = pieces[0] ?? ''
  if (pieces.length === 1) return text === pattern
  const last = pieces[pieces.length - 1] ?? ''
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found === -1 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}

/** Memory kept for the hypervisor on the host of that name: the first rule that matches, or the fleet's limit. */
export function reserveBytesFor(policy: Policy, hostName: string): number {
  const rule = policy.hosts.find(({ match }) => matchesPattern(match, hostName))
  return rule?.reserveBytes ?? policy.limits.hostReserveBytes
}

/** What the policy calls the array of that key, or undefined if it does not name it. */
export function arrayNameFor(policy: Policy, key: string): string | undefined {
  return policy.arrays.find(({ match }) => matchesPattern(match, key))?.name
}
