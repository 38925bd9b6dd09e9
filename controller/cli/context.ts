import type { Command } from 'commander'
import { z } from 'zod'

import { ApiClient } from './client.js'
import { connectionOf } from './connection.js'
import type { ExitReason } from './exit-codes.js'
import type { Look } from './render/look.js'
import { safeJson } from './render/plain-text.js'
import { lookOf, type Shell } from './shell.js'

const globalOptions = z.object({
  json: z.boolean().default(false),
  watch: z.number().optional(),
  url: z.string().optional(),
  tokenFile: z.string().optional(),
  data: z.string().optional(),
  color: z.boolean().default(true),
})

/** What a command works with: the controller, and how and where to show what it says. */
export interface CommandContext {
  readonly client: ApiClient
  readonly shell: Shell
  /** The controller's data directory, if it was named. */
  readonly data: string | undefined
  readonly json: boolean
  /** Milliseconds between two rounds; undefined: once. */
  readonly watchMs: number | undefined
  readonly look: () => Look
  /** Prints lines to stdout. */
  readonly print: (lines: readonly string[]) => void
  /** Prints one JSON document to stdout, or with `lines` one document a line. */
  readonly printJson: (value: unknown, form?: 'document' | 'line') => void
}

/** Gives each command its context, and takes the reason with which the program is to end. */
export interface Cli {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly contextOf: (command: Command) => CommandContext
  readonly finish: (reason: ExitReason) => void
}

/**
 * Reads the options of a command and of the program around it.
 * @throws CliError (usage)
 */
export function createContext(command: Command, shell: Shell): CommandContext {
  const options = globalOptions.parse(command.optsWithGlobals())
  const connection = connectionOf(options, shell.env)
  return {
    client: new ApiClient(connection),
    shell,
    data: options.data ?? (shell.env['HEADROOM_DATA'] || undefined),
    json: options.json,
    watchMs: options.watch === undefined ? undefined : options.watch * 1000,
    look: () => lookOf(shell, { colour: options.color }),
    print: (lines) => shell.stdout.write(`${lines.join('\n')}\n`),
    printJson: (value, form = 'document') =>
      shell.stdout.write(`${safeJson(value, form === 'line' ? undefined : 2)}\n`),
  }
}
