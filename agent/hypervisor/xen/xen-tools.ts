/**
 * What the tools of Xen's own management software print: `xl`, or `xm` on hosts older than that. Both have the same words:
 * `list` is `xl list`, `list-long` is `xl list -l`, `info` is `xl info`.
 */
export const xenToolWords = ['list', 'list-long', 'info'] as const
export type XenToolWord = (typeof xenToolWords)[number]

export interface XenToolOutput {
  /**
   * The whole of what the tool prints to its standard output. Ends soon after `signal` aborts, and by itself after a while.
   * @throws HypervisorUnavailable if there is no tool, or no way to it; HypervisorDenied if it may not be used; XenToolError
   *   if it fails, or says more than `mostToolBytes`
   */
  text(what: XenToolWord, signal: AbortSignal): Promise<string>
}

/** A thousand domains with some disks each; nothing that prints more is listened to. */
export const mostToolBytes = 4 * 2 ** 20

/** The tool failed, or what it printed cannot be used. */
export class XenToolError extends Error {
  override readonly name = 'XenToolError'
}

/** @returns what is wrong, where, what was expected, and what stands there instead */
export function malformed(what: XenToolWord, where: string, expected: string, got: string): XenToolError {
  const shown = got.length > 80 ? `${got.slice(0, 80)}…` : got
  return new XenToolError(`${what}: ${where}: expected ${expected}, got ${JSON.stringify(shown)}`)
}
