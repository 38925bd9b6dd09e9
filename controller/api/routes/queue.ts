import { z } from 'zod'

import type { CommandDesk, Queued } from '../../commands/command-desk.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import { commandView as toView } from '../to-view/command-view.js'
import { queueView } from '../views.js'
import { answers } from './answers.js'
import type { Caller } from '../../access/caller.js'

const params = z.strictObject({ id: z.string().max(64).describe('id or number') })
const body = z.strictObject({
  to: z.int().min(1).max(10_000).describe('its place from then on; beyond the last is the last'),
})

/** Bulk commands that wait for their turn at the arrays of their VMs. */
export function addQueueRoutes(app: ApiApp, commands: CommandDesk): void {
  app.get(
    '/api/v1/queue',
    { schema: { summary: 'Bulk commands that wait for their array, in their order', response: answers(queueView) } },
    (request) => viewOf(commands.queue(), callerOf(request)),
  )
  app.post(
    '/api/v1/queue/:id/move',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Puts a bulk command that waits before or behind others',
        params,
        body,
        response: answers(queueView),
      },
    },
    async (request) => {
      const { id: idOrNumber } = request.params
      const command = commands.find(idOrNumber)
      if (command === undefined)
        throw new ApiError('command-unknown', `no command has the id or number ${JSON.stringify(idOrNumber)}`)
      const caller = callerOf(request)
      const moved = await commands.moveInQueue(command.id, request.body.to, caller.name)
      if (moved.status === 'done') return viewOf(moved.queue, caller)
      throw new ApiError('not-queued', `command ${command.number} does not wait for an array`)
    },
  )
}

function viewOf(queue: readonly Queued[], caller: Caller): z.infer<typeof queueView> {
  return { queue: queue.map(({ command, why }) => ({ command: toView(command, caller), why })) }
}
