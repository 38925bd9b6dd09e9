import { readFile } from 'node:fs/promises'

import { HypervisorDenied } from '../hypervisor.js'
import { parseThumbprint, type Trust } from './https-channel.js'

/**
 * What the configuration trusts. There is no way to trust nothing.
 * @throws HypervisorDenied if the thumbprint is no SHA-256 or the file of the authority cannot be read
 */
export async function trustOf({
  thumbprint,
  caFile,
}: {
  readonly thumbprint: string | undefined
  readonly caFile: string | undefined
}): Promise<Trust> {
  if (thumbprint !== undefined) {
    const sha256 = parseThumbprint(thumbprint)
    if (sha256 === undefined) throw new HypervisorDenied('the thumbprint is no SHA-256')
    return { by: 'thumbprint', sha256 }
  }
  if (caFile === undefined) return { by: 'system' }
  try {
    return { by: 'ca', pem: await readFile(caFile, 'utf8') }
  } catch (error) {
    throw new HypervisorDenied(`the file ${caFile} of the authority cannot be read`, { cause: error })
  }
}
