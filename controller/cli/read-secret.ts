import { readFileSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

import { errorCode } from '../../common/error-code.js'
import { CliError } from './cli-error.js'
import type { Shell } from './shell.js'

const mostBytes = 4096

/**
 * A secret that must stand in no command line: from a file, or from standard input. A person types it there unseen, twice; from anything else it is all up
 * to the end, but for one line end.
 * @param what it is, for the person who is asked: `password of ann`
 * @throws CliError: nothing was given, it was given up, the two differ, or the file cannot be read
 */
export async function readSecret(shell: Shell, what: string, file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') return checked(fromFile(file), file)
  if (!shell.stdin.isTTY || file === '-') return checked(await untilEnd(shell), 'standard input')
  const first = await typedUnseen(shell, `new ${what}: `)
  const again = await typedUnseen(shell, `again: `)
  if (first === again) return checked(first, 'what was typed')
  throw new CliError('usage', 'the two are not the same')
}

/** One that is there already: a person types it once. From anything else than a person it comes from a file only. */
export async function readKnownSecret(shell: Shell, what: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return checked(fromFile(file), file)
  if (shell.stdin.isTTY) return checked(await typedUnseen(shell, `${what}: `), 'what was typed')
  throw new CliError('usage', `the ${what} is in no file: there is nobody to ask`)
}

function checked(text: string, origin: string): string {
  const secret = text.replace(/\r?\n$/u, '')
  if (secret !== '' && Buffer.byteLength(secret) <= mostBytes && !/[\r\n]/u.test(secret)) return secret
  throw new CliError('usage', `${origin} is no password: expected one line`)
}

function fromFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CliError('usage', `${file} cannot be read (${errorCode(error)})`, '', { cause: error })
  }
}

function untilEnd({ stdin }: Shell): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let bytes = 0
    stdin.on('data', (data) => {
      // More is no password; it is not kept, and refused afterwards.
      if (bytes <= mostBytes) parts.push(data)
      bytes += data.length
    })
    stdin.on('end', () => resolve(Buffer.concat(parts).toString()))
    stdin.resume()
  })
}

const enter = new Set(['\r', '\n', '\u0004'])
const backspace = new Set(['\u007f', '\b'])
const interrupt = '\u0003'

/** On standard error, so that the output stays what it is. */
async function typedUnseen({ stdin, stderr }: Shell, prompt: string): Promise<string> {
  stderr.write(prompt)
  stdin.setRawMode(true)
  try {
    return await new Promise<string>((resolve, reject) => {
      const decoder = new StringDecoder()
      let typed: string[] = []
      const heard = (data: Buffer): void => {
        for (const character of decoder.write(data)) {
          if (backspace.has(character)) typed = typed.slice(0, -1)
          else if (character === interrupt) return done(() => reject(new CliError('error', 'given up')))
          else if (enter.has(character)) return done(() => resolve(typed.join('')))
          else if (typed.length < mostBytes) typed.push(character)
        }
      }
      const done = (settle: () => void): void => {
        stdin.off('data', heard)
        stdin.pause()
        settle()
      }
      stdin.on('data', heard)
      stdin.resume()
    })
  } finally {
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}
