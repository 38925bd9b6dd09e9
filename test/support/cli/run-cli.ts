import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { runProgram } from '../../../controller/cli/program.js'

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL('../../../controller/cli/main.ts', import.meta.url))

/**
 * Runs the CLI in this process, without a terminal and without signals: quick, for all but what only a process shows.
 * @param input what a pipe gives it
 */
export async function runCliHere(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<CliRun> {
  let stdout = ''
  let stderr = ''
  const nothing = () => undefined
  const output = {
    isTTY: false,
    columns: 0,
    rows: 0,
    writableNeedDrain: false,
    on: nothing,
    off: nothing,
    once: nothing,
  }
  const code = await runProgram(words, {
    env,
    stdin: {
      isTTY: false,
      setRawMode: nothing,
      on: (event, listener) => setImmediate(listener, Buffer.from(event === 'end' ? '' : input)),
      off: nothing,
      resume: nothing,
      pause: nothing,
    },
    stdout: { ...output, write: (text) => (stdout += textOf(text)) !== '' },
    stderr: { isTTY: false, write: (text) => (stderr += textOf(text)) !== '' },
    now: Date.now,
  })
  return { code, stdout, stderr }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString()
}

/** The words that start the CLI from its sources. */
export const cliCommand: readonly string[] = [process.execPath, '--import', 'tsx', main]

/** An environment of the CLI that knows nothing of whoever runs the tests. */
export function cliEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', TERM: 'xterm', TZ: 'UTC', ...env }
}

/** Runs the CLI in a process of its own, without a terminal. */
export function runCliProcess(words: readonly string[], env: Readonly<Record<string, string>>): Promise<CliRun> {
  const [program = '', ...before] = cliCommand
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...before, ...words], { env: cliEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
