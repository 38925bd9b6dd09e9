import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

import { ActionRefused, type TextControl } from '../hypervisor.js'
import { consoleLogPath } from './console-log-path.js'
import type { DomainAccess } from './domain-access.js'
import { domainGetXml } from './procedures.js'

export function textControl({ read }: DomainAccess): TextControl {
  const definition: TextControl['definition'] = (vmUuid, signal) =>
    read(vmUuid, signal, (connection, domain) => domainGetXml(connection, domain, 0, { signal }))
  return {
    definition,
    consoleLog: async (vmUuid, mostBytes, signal) => {
      const path = consoleLogPath(await definition(vmUuid, signal))
      return path === undefined ? undefined : endOf(path, mostBytes)
    },
  }
}

/** The path is out of the definition: it has to be a plain file, and no link to another. */
async function endOf(path: string, mostBytes: number): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw new Error('it is no plain file')
      const start = Math.max(0, stat.size - mostBytes)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(mostBytes, stat.size)), 0, undefined, start)
      return buffer.subarray(0, bytesRead).toString('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new ActionRefused(`the log of its console cannot be read: ${said}`, { cause: error })
  }
}
