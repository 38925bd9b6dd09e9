#!/usr/bin/env node
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { createLog } from '../common/log.js'
import { runMain, stopWhenAsked } from '../common/run-program.js'
import { readVersion } from '../common/version.js'
import { startAgent } from './agent.js'
import { collectGarbage } from './collect-garbage.js'
import { errandsApart, errandsHere, runErrand } from './errands.js'
import { showStatus, statusLine } from './service-status.js'

const usage = `headroom-agent: reads the hypervisors of a machine and reports to a headroom controller

Usage: headroom-agent [--config agent.yaml]
       headroom-agent join --controller HOST:PORT --token TOKEN   (join --help says more)
       headroom-agent calibrate --file FILE                       (calibrate --help says more)
       headroom-agent audit verify [--config agent.yaml]

Without --config every value is its default: libvirt on this machine, the controller at 127.0.0.1:8421.
`

async function main(): Promise<void> {
  if (process.argv[2] === 'join') return join(process.argv.slice(3))
  if (process.argv[2] === 'calibrate') return calibrateArray(process.argv.slice(3))
  if (process.argv[2] === 'audit') return audit(process.argv.slice(3))
  if (process.argv[2] === 'errand') return runErrand(process.argv.slice(3))
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
  const errands = errandsApart(fileURLToPath(import.meta.url))
  const config = await errands.config(values.config)
  const log = createLog('agent', config.log.level)
  const agent = await startAgent({
    config,
    version,
    log,
    errands,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  log.info({ version, metricsPort: agent.metricsPort }, 'agent started')
  const stopCollecting = collectGarbage()
  const hideStatus = showStatus(() => statusLine(agent.status()), process.env)
  const stop = (): Promise<void> => {
    hideStatus()
    stopCollecting()
    return agent.stop()
  }
  stopWhenAsked(log, stop, {
    on: (event, listener) => process.on(event, listener),
    // Node waits for its threads at its end, and one that hangs in the storage has none.
    exit: (code) => (agent.hangs ? process.kill(process.pid, 'SIGKILL') : process.exit(code)),
  })
}

async function audit(args: readonly string[]): Promise<void> {
  const { verifyAudit } = await import('./audit-verify.js')
  const { code, text } = await verifyAudit(args)
  process[code === 0 ? 'stdout' : 'stderr'].write(text)
  process.exitCode = code
}

/** Loaded only here: the agent that runs all day has no use for it. */
async function join(args: readonly string[]): Promise<void> {
  const { joinController, joinFailure } = await import('./join.js')
  const { joinUsage } = await import('./join-options.js')
  const { findServiceUnit } = await import('./service-unit.js')
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
      service: findServiceUnit,
      signal: new AbortController().signal,
    })
  } catch (error) {
    const failure = joinFailure(error)
    process.stderr.write(`headroom-agent join: ${failure.text}\n`)
    process.exitCode = failure.code
  }
}

/** Loaded only here, as joining is. */
async function calibrateArray(args: readonly string[]): Promise<void> {
  const { calibrate } = await import('./calibrate.js')
  const { calibrateUsage, NotCalibrated } = await import('./calibrate-options.js')
  const { NotForScratch } = await import('./storage/calibrate/scratch.js')
  if (args.includes('--help')) {
    process.stdout.write(calibrateUsage)
    return
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort())
  let code: number
  try {
    const isLearnt = await calibrate(args, {
      config: (file) => errandsHere.config(file),
      print: (line) => process.stdout.write(`${line}\n`),
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
      signal: stop.signal,
    })
    code = isLearnt ? 0 : 1
  } catch (error) {
    const isAsked = error instanceof NotCalibrated || error instanceof NotForScratch
    process.stderr.write(`headroom-agent calibrate: ${error instanceof Error ? error.message : String(error)}\n`)
    code = isAsked ? 2 : 1
  }
  // A write that hangs in the storage must not keep it.
  process.exit(code)
}

runMain(main)
