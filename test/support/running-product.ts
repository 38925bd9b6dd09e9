import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

import { expect } from 'vitest'

import { waitFor } from './wait-for.js'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')

/** The built product as `npm start` runs it, on free ports. */
export interface RunningProduct {
  readonly url: string
  readonly loginLink: string
  readonly data: string
  /** From the start of the process to its word that it is ready, milliseconds. */
  readonly readyAfterMs: number
  readonly output: () => string
  /** Runs `headroom` against it; gives what it printed. */
  cli(...words: string[]): Promise<string>
  /** The API's answer as JSON. */
  api(path: string): Promise<unknown>
  /** Process ids of launcher, controller and agent that are alive. */
  pids(): Promise<number[]>
  /** Ctrl-C, and the exit code. */
  interrupt(): Promise<number | null>
}

export async function temporaryDirectory(prefix: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Starts it and waits until it says that it is ready. */
export async function startProduct(data: string, ...args: string[]): Promise<RunningProduct> {
  const began = performance.now()
  const ports = ['--http-port', '0', '--grpc-port', '0', '--agent-port', '0']
  const child = spawn(process.execPath, [join(root, 'dist/deploy/start.js'), '--data', data, ...ports, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  await waitFor(30_000, 'the launcher to say where to log in', async () => {
    if (child.exitCode !== null) throw new Error(`the launcher ended with ${child.exitCode}: ${output}`)
    return output.includes('log in') && output.includes('stop ')
  })
  const readyAfterMs = performance.now() - began
  const loginLink = /http\S+\/login\?key=\S+/.exec(output)?.[0] ?? ''
  const url = new URL(loginLink).origin
  return {
    url,
    loginLink,
    data,
    readyAfterMs,
    output: () => output,
    async cli(...words) {
      const program = join(root, 'dist/controller/cli/main.js')
      const { stdout } = await run(process.execPath, [program, '--url', url, '--data', data, ...words])
      return stdout
    },
    async api(path) {
      const token = (await readFile(join(data, 'controller/api-token'), 'utf8')).trim()
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
      expect(answer.status, path).toBe(200)
      return answer.json()
    },
    pids: () => processesOf(data),
    interrupt: () => interrupt(child),
  }
}

async function interrupt(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode
  const ended = new Promise<number | null>((done) => {
    child.once('exit', (code) => done(code))
  })
  child.kill('SIGINT')
  return ended
}

/** Processes whose command line names the data directory. */
export async function processesOf(data: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const words = (await readFile(`/proc/${name}/cmdline`, 'utf8')).split('\0')
      if (words.some((word) => word.startsWith(data)) && words[0]?.includes('node') === true) found.push(Number(name))
    } catch {
      // It ended meanwhile.
    }
  }
  return found
}
