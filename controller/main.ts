#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { errorCode } from '../common/error-code.js'
import { loadConfig } from '../common/config.js'
import { ConfigError } from '../common/config-error.js'
import { createLog } from '../common/log.js'
import { tellReady } from '../common/notify-systemd.js'
import { runMain, stopWhenAsked } from '../common/run-program.js'
import { readVersion } from '../common/version.js'
import { controllerConfigSchema } from './config.js'
import { startController } from './controller.js'

const usage = `headroom-controller: stores, checks and shows what headroom agents report

Usage: headroom-controller [--config controller.yaml] [--data DIR] [--http-port N] [--grpc-port N]

Without --config every value is its default: page and API on http://127.0.0.1:8420, agents on 127.0.0.1:8421,
state under ./data. Options given here win over the file.
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      data: { type: 'string' },
      'http-port': { type: 'string' },
      'grpc-port': { type: 'string' },
      help: { type: 'boolean' },
      version: { type: 'boolean' },
    },
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
  const file = loadConfig(values.config ?? 'controller.yaml', controllerConfigSchema, {
    required: values.config !== undefined,
  })
  const config = {
    ...file,
    data: values.data ?? file.data,
    http: { ...file.http, port: portOption(values['http-port'], '--http-port') ?? file.http.port },
    grpc: { ...file.grpc, port: portOption(values['grpc-port'], '--grpc-port') ?? file.grpc.port },
  }
  const log = createLog('controller', config.log.level)
  const controller = await startController({ config, version, log, now: () => Date.now(), webDir: builtPage() })
  log.info({ version, url: controller.url, grpcPort: controller.grpcPort, data: config.data }, 'controller started')
  const link = await controller.loginLink()
  // The link is a secret: it goes to a person or to the launcher, never into a log.
  if (process.send === undefined) process.stdout.write(`headroom ${version} is ready: ${link}\n`)
  else process.send({ ready: true, url: controller.url, grpcPort: controller.grpcPort, loginLink: link })
  const stopping = new AbortController()
  stopWhenAsked(log, () => {
    stopping.abort()
    return controller.stop()
  })
  await tellReady(process.env, log, stopping.signal)
}

function portOption(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new ConfigError('command line', [
      { key: name, line: undefined, expected: 'a port from 0 to 65535', got: text },
    ])
  }
  return port
}

/** The built page beside the built controller, or under dist/ when run from source. */
function builtPage(): string | undefined {
  for (const place of ['../web', '../dist/web']) {
    const path = fileURLToPath(new URL(place, import.meta.url))
    if (existsSync(`${path}/index.html`)) return path
  }
  return undefined
}

/** What went wrong in a line where a person can help it. */
function inWords(error: unknown): string | undefined {
  if (!(error instanceof Error) || errorCode(error) !== 'EADDRINUSE') return undefined
  const port = 'port' in error ? String(error.port) : '?'
  return `port ${port} is in use by another program; choose others: --http-port N --grpc-port N`
}

runMain(main, inWords)
