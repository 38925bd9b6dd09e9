import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { ConfigError } from '../common/config-error.js'
import { loadConfig } from '../common/config.js'
import { errorCode } from '../common/error-code.js'
import { lastEntry, verifyAuditLog } from './commands/audit-log.js'
import { agentConfigSchema } from './config.js'

const usage = `Usage: headroom-agent audit verify [--config FILE | --data DIR]

Whether nothing of this agent's audit log was altered, removed or moved. That its end was cut off only the controller can
tell, which has seen it: headroom audit verify.

  --config FILE  the agent's configuration (agent.yaml), which names its data directory
  --data DIR     its data directory
`

export interface VerifyResult {
  /** 0: it is whole; 1: it is not, or could not be read; 2: the command line is wrong. */
  readonly code: 0 | 1 | 2
  readonly text: string
}

/** `headroom-agent audit verify`. Reads only: the agent may run meanwhile. Never rejects. */
export async function verifyAudit(args: readonly string[]): Promise<VerifyResult> {
  const options = optionsOf(args)
  if (options === undefined) return { code: 2, text: usage }
  if (options.help === true) return { code: 0, text: usage }
  try {
    const {
      data = loadConfig(options.config ?? 'agent.yaml', agentConfigSchema, { required: options.config !== undefined })
        .data,
    } = options
    return await verdictOf(join(data, 'audit'))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { code: 1, text: `${error.message}\n` }
  }
}

async function verdictOf(directory: string): Promise<VerifyResult> {
  try {
    const wrong = await verifyAuditLog(directory)
    if (wrong !== undefined) return { code: 1, text: `the audit log in ${directory} is not whole: ${wrong}\n` }
    const last = await lastEntry(directory)
    const stands =
      last === undefined ? 'it is empty' : `its last entry is number ${last.seq} (${last.hash.slice(0, 16)}…)`
    return { code: 0, text: `the audit log in ${directory} is whole: ${stands}\n` }
  } catch (error) {
    const why = errorCode(error)
    if (why === '') throw error
    const says =
      why === 'ENOENT' ? 'is not there: no agent has run with this data directory' : `cannot be read (${why})`
    return { code: 1, text: `the audit log in ${directory} ${says}\n` }
  }
}

function optionsOf(
  args: readonly string[],
): { readonly config?: string; readonly data?: string; readonly help?: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string' }, data: { type: 'string' }, help: { type: 'boolean' } },
    })
    return positionals.join(' ') === 'verify' || values.help === true ? { ...values } : undefined
  } catch {
    return undefined
  }
}
