import { fork } from 'node:child_process'
import { once } from 'node:events'

import { ConfigError, type ConfigProblem } from '../common/config-error.js'
import { createLog } from '../common/log.js'
import type { AgentConfig } from './config.js'
import type { MachineFacts } from './host/machine-facts.js'
import type { HostRoots } from './host/roots.js'
import type { CertificateRequest } from './report/certificate-request.js'

/**
 * What is needed once in a while and takes large libraries. The agent runs for months in little memory, and what a process
 * has loaded it never gives back: so an installed agent sends a process of its own for each.
 */
export interface Errands {
  /**
   * Reads `agent.yaml`; a missing one means all defaults unless a path is given.
   * @throws ConfigError
   */
  config(file: string | undefined): Promise<AgentConfig>
  /** What does not change until the next boot. What cannot be learnt is absent. */
  machineFacts(roots: Pick<HostRoots, 'procRoot' | 'sysRoot'>): Promise<MachineFacts>
  certificateRequest(): Promise<CertificateRequest>
}

/** Runs them in this process. */
export const errandsHere: Errands = {
  async config(file) {
    const [{ loadConfig }, { agentConfigSchema }] = await Promise.all([
      import('../common/config.js'),
      import('./config.js'),
    ])
    return loadConfig(file ?? 'agent.yaml', agentConfigSchema, { required: file !== undefined })
  },
  async machineFacts(roots) {
    const { readMachineFacts } = await import('./host/machine-facts.js')
    const log = createLog('agent', 'warn')
    return readMachineFacts({ ...roots, log, signal: new AbortController().signal, deadlineMs: callDeadlineMs })
  },
  async certificateRequest() {
    const { makeCertificateRequest } = await import('./report/certificate-request.js')
    return makeCertificateRequest()
  },
}

const callDeadlineMs = 10_000
/** A host that is starved of CPU needs a minute to start a program. */
const errandDeadlineMs = 120_000

type Answer = { readonly done: unknown } | { readonly file: string; readonly problems: readonly ConfigProblem[] }

/**
 * Runs them in processes of their own. Their methods reject if such a process ends without an answer, or takes two minutes.
 * @param program what calls `runErrand` with the words after `errand`
 */
export function errandsApart(program: string): Errands {
  const send = async (name: keyof Errands, argument: string): Promise<unknown> => {
    const child = fork(program, ['errand', name, argument], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      timeout: errandDeadlineMs,
    })
    let answer: Answer | undefined
    child.on('message', (message) => {
      // `runErrand` of this same program wrote it.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      answer = message as Answer
    })
    const [code, signal] = await once(child, 'exit')
    if (answer === undefined) throw new Error(`${name}: its process ended with ${code ?? signal} and no answer`)
    if ('done' in answer) return answer.done
    throw new ConfigError(answer.file, answer.problems)
  }
  // What each answers is what `errandsHere` gave in the other process.
  /* oxlint-disable typescript/no-unsafe-type-assertion */
  return {
    config: async (file) => (await send('config', file ?? '')) as AgentConfig,
    machineFacts: async (roots) => (await send('machineFacts', JSON.stringify(roots))) as MachineFacts,
    certificateRequest: async () => (await send('certificateRequest', '')) as CertificateRequest,
  }
  /* oxlint-enable typescript/no-unsafe-type-assertion */
}

/** The other side: does one errand and tells whoever sent this process. @throws if nobody did */
export async function runErrand([name = '', argument = '']: readonly string[]): Promise<void> {
  if (process.send === undefined) throw new Error('an errand is run by the agent itself')
  const answer = await answerOf(name, argument)
  await new Promise<void>((resolve, reject) => {
    process.send?.(answer, undefined, undefined, (error: Error | null) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
  process.disconnect()
}

async function answerOf(name: string, argument: string): Promise<Answer> {
  switch (name) {
    case 'config':
      try {
        return { done: await errandsHere.config(argument === '' ? undefined : argument) }
      } catch (error) {
        if (error instanceof ConfigError) return { file: error.file, problems: error.problems }
        throw error
      }
    case 'machineFacts':
      // The agent that sent us wrote it.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return { done: await errandsHere.machineFacts(JSON.parse(argument) as HostRoots) }
    case 'certificateRequest':
      return { done: await errandsHere.certificateRequest() }
    default:
      throw new Error(`no errand is called ${name}`)
  }
}
