#!/usr/bin/env node
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'

import { ConfigError, loadConfig } from '../common/config.js'
import { createLog } from '../common/log.js'
import { readVersion } from '../common/version.js'
import { startAgent } from './agent.js'
import { agentConfigSchema } from './config.js'

const usage = `headroom-agent: reads the hypervisors of a machine and reports to a headroom controller

Usage: headroom-agent [--config agent.yaml]
       headroom-agent join --controller HOST:PORT --token TOKEN   (join --help says more)

Without --config every value is its default: libvirt on this machine, the controller at 127.0.0.1:8421.
`

async function main(): Promise<void> {
  if (process.argv[2] === 'join') return join(process.argv.slice(3))
  const { values } = parseArgs({
    options: { config: { type: 'string' }, help: { type: 'boolean' }, version: { type: 'boolean' } },
  })
  const version = readVersion()
  if (values.help === true) {
    process.stdout.write(usage)
    return
  }
  if (values.version === true) {
    process.stdout.write(`${version}\n`)
    return
  }
  const config = loadConfig(values.config ?? 'agent.yaml', agentConfigSchema, { required: values.config !== undefined })
  const log = createLog('agent', config.log.level)
  const agent = await startAgent({ config, version, log, now: () => Date.now(), monotonicMs: () => performance.now() })
  log.info({ version, metricsPort: agent.metricsPort }, 'agent started')
  let stopping = false
  const stop = (reason: string): void => {
    if (stopping) return
    stopping = true
    log.info({ reason }, 'stopping')
    agent.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', () => stop('SIGINT'))
  process.on('SIGTERM', () => stop('SIGTERM'))
  // Started by a launcher: without it there is nobody to stop this process.
  process.on('disconnect', () => stop('the launcher is gone'))
}

/** Loaded only here: the agent that runs all day has no use for it. */
async function join(args: readonly string[]): Promise<void> {
  const { joinController, joinFailure, joinUsage } = await import('./join.js')
  if (args.includes('--help')) {
    process.stdout.write(joinUsage)
    return
  }
  try {
    await joinController(args, {
      readStdin: () => text(process.stdin),
      print: (line) => process.stdout.write(`${line}\n`),
      now: () => Date.now(),
      version: readVersion(),
      signal: new AbortController().signal,
    })
  } catch (error) {
    const failure = joinFailure(error)
    process.stderr.write(`headroom-agent join: ${failure.text}\n`)
    process.exitCode = failure.code
  }
}

main().catch((error: unknown) => {
  const text =
    error instanceof ConfigError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
  process.stderr.write(`${text}\n`)
  process.exitCode = error instanceof ConfigError ? 2 : 1
})
