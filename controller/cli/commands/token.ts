import { closeSync, openSync, rmSync, writeSync } from 'node:fs'

import { Option, type Command } from 'commander'

import { errorCode } from '../../../common/error-code.js'
import { roles, verbNames } from '../../../common/verbs.js'
import { durationArgument } from '../argument.js'
import { CliError } from '../cli-error.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { line, span } from '../render/look.js'
import { renderTokenList } from '../render/token-list.js'

interface Options {
  readonly role: string
  readonly ofUser?: true
  readonly owner?: string
  readonly vm?: string[]
  readonly verb?: string[]
  readonly valid: string
  readonly note: string
  readonly file?: string
}

/** Tokens with which programs use the API. */
export function addTokenCommands(program: Command, cli: Cli): void {
  const token = program
    .command('token')
    .description('tokens with which programs, and users on the command line, come in')
  token
    .command('list')
    .description('tokens that hold')
    .action(async (_options: object, self: Command) => {
      const context = cli.contextOf(self)
      await present(context, {
        fetch: (signal) => context.client.tokens(signal),
        json: (tokens) => ({ tokens }),
        render: renderTokenList,
      })
    })
  token
    .command('create')
    .argument('<name>', 'of the program that uses it; with --of-user, of the user it speaks for')
    .description('make one; it is printed this once, alone, or written to a file')
    .addOption(new Option('--role <role>', 'what it may').choices(roles).makeOptionMandatory())
    .option('--of-user', 'it speaks for the user of that name, and ends with that one')
    .option('--owner <owner>', 'good for VMs of this owner only')
    .option('--vm <pattern...>', 'good for VMs of these names only; * stands for any characters')
    .addOption(new Option('--verb <verb...>', 'good for these commands only').choices(verbNames))
    .option('--valid <time>', 'from 1m to 366d', durationArgument, '30d')
    .option('--note <text>', 'what it is for', '')
    .option('--file <file>', 'write it into this new file, which only you can read, instead of printing it')
    .action(async (name: string, options: Options, self: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(self)
      const { role, ofUser = false, owner, vm: vms, verb: verbs, valid, note, file } = options
      // Before anything is made: a token that cannot be written down would be lost, and hold.
      const handle = file === undefined ? undefined : newFile(file)
      const asked = { name, role, ofUser, owner, vms, verbs, valid, note }
      const made = await client.createToken(asked, new AbortController().signal).catch((error: unknown) => {
        if (file !== undefined) rmSync(file, { force: true })
        throw error
      })
      if (handle !== undefined) {
        writeSync(handle, `${made.token}\n`)
        closeSync(handle)
      }
      const { token: secret, ...known } = made
      if (json) printJson(file === undefined ? made : { ...known, file })
      else if (file === undefined) print([line([span(secret)], { ...look(), width: undefined })])
      else print([line([span(`the token ${made.id} of ${name} is in ${file}`)], look())])
    })
  token
    .command('revoke')
    .argument('<id>', 'as `token list` shows it')
    .description('make one void, with the sessions that were opened with it')
    .action(async (id: string, _options: object, self: Command) => {
      const { client, json, look, print, printJson } = cli.contextOf(self)
      const revoked = await client.revokeToken(id, new AbortController().signal)
      if (json) printJson(revoked)
      else print([line([span(`the token ${revoked.id} of ${revoked.name} is void`)], look())])
    })
}

function newFile(file: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (error) {
    const why = errorCode(error) === 'EEXIST' ? 'is there already' : `cannot be written (${errorCode(error)})`
    throw new CliError('usage', `${file} ${why}`, '', { cause: error })
  }
}
