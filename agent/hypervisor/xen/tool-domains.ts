import type { ToolDomain } from './tool-domain.js'
import { malformed } from './xen-tools.js'
import { parseXlDomains } from './xl-domains.js'
import { parseXmDomains } from './xm-domains.js'

/**
 * All domains that the tool knows the definition of: JSON of xl, S-expressions of xm and of xl before 4.2. One that is just being
 * made, or is none of the tool's, is not among them.
 * @throws XenToolError
 */
export function parseToolDomains(text: string): readonly ToolDomain[] {
  const start = text.trimStart()
  if (start.startsWith('[')) return parseXlDomains(text)
  // Nothing at all: xl of those times, without a VM.
  if (start === '' || start.startsWith('(')) return parseXmDomains(text)
  throw malformed('list-long', 'first character', '[ or (', start)
}
