import { z } from 'zod'

import type { CommandDesk } from '../../commands/command-desk.js'
import { isOver, type Command } from '../../commands/command.js'
import type { FleetLook } from '../../fleet-look.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { commandView, type CommandView } from '../views.js'
import { answers } from './answers.js'

const newCommand = z.strictObject({
  verb: z.string().min(1).max(64),
  vm: z.string().min(1).max(300).describe('UUID or name'),
  args: z.record(z.string().max(64), z.string().max(1024)).default({}),
  dryRun: z.boolean().default(false).describe('every check says what it finds, and nothing is done'),
  startWithinMs: z.int().min(1000).max(3_600_000).default(120_000).describe('later it is not begun any more'),
})

const params = z.strictObject({ id: z.string().max(64).describe('id or number') })
const query = z.strictObject({
  state: z.enum(['open', 'any']).default('any').describe('open: that have not ended'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})

interface Parts {
  readonly commands: CommandDesk
  readonly look: Pick<FleetLook, 'current'>
}

/** Commands: what was asked for, by whom, and what became of it. */
export function addCommandRoutes(app: ApiApp, { commands, look }: Parts): void {
  const found = (idOrNumber: string): Command => {
    const command = commands.find(idOrNumber)
    if (command !== undefined) return command
    throw new ApiError('command-unknown', `no command has the id or number ${JSON.stringify(idOrNumber)}`)
  }
  app.post(
    '/api/v1/commands',
    {
      schema: {
        summary: 'Asks for a command; one that is refused is answered with its state and every verdict',
        body: newCommand,
        response: answers(commandView),
      },
    },
    async (request) => {
      const { vm: idOrName, ...asked } = request.body
      const vm = findByIdOrName('VM', 'vm-unknown', look.current().snapshot.vms, idOrName)
      const command = await commands.ask({ ...asked, vm, actor: callerOf(request).name })
      if (command !== undefined) return toView(command)
      throw new ApiError('too-many-commands', 'as many commands as there may be have not ended')
    },
  )
  app.get(
    '/api/v1/commands',
    {
      schema: {
        summary: 'Commands, the newest first',
        querystring: query,
        response: answers(z.object({ commands: z.array(commandView) })),
      },
    },
    (request) => {
      const { state, limit } = request.query
      const listed = commands.list().filter((command) => state === 'any' || !isOver(command))
      return { commands: listed.slice(0, limit).map(toView) }
    },
  )
  app.get(
    '/api/v1/commands/:id',
    { schema: { summary: 'One command, with its verdicts and its output', params, response: answers(commandView) } },
    (request) => toView(found(request.params.id)),
  )
  app.post(
    '/api/v1/commands/:id/cancel',
    {
      schema: {
        summary: 'Cancels a command that has not begun; one that has, if its verb can be',
        params,
        response: answers(commandView),
      },
    },
    async (request) => {
      const { id, number } = found(request.params.id)
      const command = await commands.cancel(id, callerOf(request).name)
      if (command !== undefined) return toView(command)
      throw new ApiError('command-over', `command ${number} has ended`)
    },
  )
}

function toView(command: Command): CommandView {
  const {
    vmName,
    hostName,
    timeoutMs: _timeout,
    revision: _revision,
    outputEnd: _end,
    gaveUp: _gaveUp,
    sentTo: _sentTo,
    ...rest
  } = command
  return { ...rest, args: { ...command.args }, verdicts: [...command.verdicts], vm: vmName, host: hostName }
}
