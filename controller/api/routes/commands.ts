import { z } from 'zod'

import { KeyedBuckets } from '../../../common/token-bucket.js'
import { mayAs } from '../../access/caller.js'
import type { Answered, Asked, CommandDesk } from '../../commands/command-desk.js'
import { isOver, type Command } from '../../commands/command.js'
import { planMove } from '../../commands/plan-move.js'
import type { FleetLook } from '../../fleet-look.js'
import type { Vm } from '../../model/snapshot.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { commandView as toView } from '../to-view/command-view.js'
import { commandView } from '../views.js'
import { answers } from './answers.js'

const newCommand = z.strictObject({
  verb: z.string().min(1).max(64),
  vm: z.string().min(1).max(300).describe('UUID or name'),
  args: z.record(z.string().max(64), z.string().max(1024)).default({}),
  note: z
    .string()
    .max(500)
    .regex(/^\P{Cc}*$/u, 'one line of text')
    .default('')
    .describe('why; kept with the command and in the audit log'),
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
  readonly now: () => number
}

/** Of one who asks: each leaves entries in the audit log, in which old ones give way to new ones. */
const askRate = { perSecond: 5, burst: 1000 } as const
const mostAskers = 2000

/** Commands: what was asked for, by whom, and what became of it. */
export function addCommandRoutes(app: ApiApp, { commands, look, now }: Parts): void {
  const asks = new KeyedBuckets(askRate, mostAskers)
  const found = (idOrNumber: string): Command => {
    const command = commands.find(idOrNumber)
    if (command !== undefined) return command
    throw new ApiError('command-unknown', `no command has the id or number ${JSON.stringify(idOrNumber)}`)
  }
  const spareBytesOf = (hostId: string): number | undefined => {
    const balance = look.current().capacity.hosts.find(({ host }) => host.id === hostId)?.ledger.balance
    return balance !== undefined && 'spareBytes' in balance ? balance.spareBytes : undefined
  }
  /** What a command is judged by beside its VM. A move is planned when it is its turn: what came before counts then. */
  const circumstancesOf = (asked: Pick<Asked, 'verb' | 'args'>, vm: Vm): Pick<Asked, 'hostSpareBytes' | 'planned'> => ({
    hostSpareBytes: spareBytesOf(vm.hostId),
    planned: () => {
      const { snapshot, capacity } = look.current()
      return planMove(asked, vm, {
        snapshot,
        balanceOf: (hostId) => capacity.hosts.find(({ host }) => host.id === hostId)?.ledger.balance,
        maintenanceOf: (hostId) => commands.maintenanceOf(hostId),
        commands: commands.list(),
      })
    },
  })
  app.post(
    '/api/v1/commands',
    {
      // What exactly a role, an owner or a token may is among the checks of a command.
      config: { access: 'owner' },
      schema: {
        summary: 'Asks for a command; one that is refused is answered with its state and every verdict',
        body: newCommand,
        response: answers(commandView),
      },
    },
    async (request) => {
      const { vm: idOrName, ...asked } = request.body
      if (!asks.take(callerOf(request).name, 1, now()))
        throw new ApiError(
          'too-many-asked',
          'too many commands at once: at most 5 a second, and 1000 after a quiet time',
        )
      const vm = findByIdOrName('VM', 'vm-unknown', look.current().snapshot.vms, idOrName)
      const command = await commands.ask({ ...asked, vm, ...circumstancesOf(asked, vm), asker: callerOf(request) })
      if (command !== undefined) return toView(command, callerOf(request))
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
      const caller = callerOf(request)
      return { commands: listed.slice(0, limit).map((command) => toView(command, caller)) }
    },
  )
  app.get(
    '/api/v1/commands/:id',
    { schema: { summary: 'One command, with its verdicts and its output', params, response: answers(commandView) } },
    (request) => toView(found(request.params.id), callerOf(request)),
  )
  app.post(
    '/api/v1/commands/:id/cancel',
    {
      config: { access: 'owner' },
      schema: {
        summary: 'Cancels a command that has not begun; one that has, if its verb can be',
        params,
        response: answers(commandView),
      },
    },
    async (request) => {
      const { id, number, actor } = found(request.params.id)
      const caller = callerOf(request)
      const { name, role, scope } = caller
      if (actor !== name && (!mayAs(role, 'operator') || scope !== undefined))
        throw new ApiError('forbidden', `${actor} asked for command ${number}: ${name} cannot cancel it`)
      const answer = await commands.cancel(id, name)
      if (answer.status === 'done') return toView(answer.command, caller)
      if (answer.status === 'past-cancelling')
        throw new ApiError('past-cancelling', `command ${number} cannot be cancelled: ${answer.why}`)
      throw new ApiError('command-over', `command ${number} has ended`)
    },
  )
  app.post(
    '/api/v1/commands/:id/approve',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Lets a command go on that waits for a second person',
        params,
        response: answers(commandView),
      },
    },
    async (request) => {
      const { id, number, vmUuid, verb, args } = found(request.params.id)
      const vm = look.current().snapshot.vms.get(vmUuid)
      const caller = callerOf(request)
      const circumstances = vm && circumstancesOf({ verb, args }, vm)
      return toView(answered(await commands.approve(id, caller, vm, circumstances), number), caller)
    },
  )
  app.post(
    '/api/v1/commands/:id/reject',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Refuses a command that waits for a second person',
        params,
        body: z.strictObject({ reason: z.string().max(500).default('') }),
        response: answers(commandView),
      },
    },
    async (request) => {
      const { id, number } = found(request.params.id)
      const caller = callerOf(request)
      return toView(answered(await commands.reject(id, caller, request.body.reason), number), caller)
    },
  )
}

function answered(outcome: Answered, number: number): Command {
  switch (outcome.status) {
    case 'done':
      return outcome.command
    case 'not-pending':
      throw new ApiError('not-pending', `command ${number} does not wait for approval`)
    case 'forbidden':
      throw new ApiError('forbidden', outcome.why)
  }
}
