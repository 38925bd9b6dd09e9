import { Option, type Command } from 'commander'

import { roles } from '../../../common/verbs.js'
import type { UserView } from '../../api/views.js'
import type { Cli } from '../context.js'
import { present } from '../present.js'
import { readKnownSecret, readSecret } from '../read-secret.js'
import { line, span } from '../render/look.js'
import { renderUserList } from '../render/user-list.js'

const passwordFile = ['--password-file <file>', 'read it from a file; - or a pipe: from standard input'] as const

/** People who log in by name and password. */
export function addUserCommands(program: Command, cli: Cli): void {
  const user = program.command('user').description('people who log in by name and password, and what they may')
  const done = (self: Command, changed: UserView, says: string): void => {
    const { json, look, print, printJson } = cli.contextOf(self)
    if (json) printJson(changed)
    else print([line([span(says)], look())])
  }
  user
    .command('list')
    .description('users by name')
    .action(async (_options: object, self: Command) => {
      const context = cli.contextOf(self)
      await present(context, {
        fetch: (signal) => context.client.users(signal),
        json: (users) => ({ users }),
        render: renderUserList,
      })
    })
  user
    .command('add')
    .argument('<name>', 'of letters, digits and . _ @ + -; an owner has it as the owner of their VMs')
    .description('add one; asks for the password, or reads it from standard input')
    .addOption(new Option('--role <role>', 'what the user may').choices(roles).makeOptionMandatory())
    .option(...passwordFile)
    .action(
      async (name: string, { role, passwordFile: file }: { role: string; passwordFile?: string }, self: Command) => {
        const { client, shell } = cli.contextOf(self)
        const password = await readSecret(shell, `password of ${name}`, file)
        const added = await client.addUser({ name, role, password }, new AbortController().signal)
        done(self, added, `${added.name} is a user now: ${added.role}`)
      },
    )
  user
    .command('passwd')
    .argument('<name>')
    .description('another password; ends the sessions of that user')
    .option(...passwordFile)
    .action(async (name: string, { passwordFile: file }: { passwordFile?: string }, self: Command) => {
      const { client, shell } = cli.contextOf(self)
      const password = await readSecret(shell, `password of ${name}`, file)
      const changed = await client.changeUser(name, { password }, new AbortController().signal)
      done(self, changed, `${changed.name} has another password, and no session any more`)
    })
  user
    .command('password')
    .description('another password of your own; asks for the old one, and ends your other sessions')
    .option('--old-password-file <file>', 'read the old one from a file')
    .option(...passwordFile)
    .action(
      async (
        { oldPasswordFile, passwordFile: file }: { oldPasswordFile?: string; passwordFile?: string },
        self: Command,
      ) => {
        const { client, shell } = cli.contextOf(self)
        const oldPassword = await readKnownSecret(shell, 'old password', oldPasswordFile)
        const newPassword = await readSecret(shell, 'password', file)
        const passwords = { oldPassword, newPassword }
        const changed = await client.changeOwnPassword(passwords, new AbortController().signal)
        done(self, changed, `${changed.name} has another password`)
      },
    )
  user
    .command('role')
    .argument('<name>')
    .argument('<role>', roles.join(', '))
    .description('another role; ends the sessions of that user')
    .action(async (name: string, role: string, _options: object, self: Command) => {
      const changed = await cli.contextOf(self).client.changeUser(name, { role }, new AbortController().signal)
      done(self, changed, `${changed.name} is ${changed.role} now`)
    })
  user
    .command('remove')
    .argument('<name>')
    .description('remove one, with all sessions and tokens of that user')
    .action(async (name: string, _options: object, self: Command) => {
      const removed = await cli.contextOf(self).client.changeUser(name, 'remove', new AbortController().signal)
      done(self, removed, `${removed.name} is removed`)
    })
}
