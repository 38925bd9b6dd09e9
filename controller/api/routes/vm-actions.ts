import { z } from 'zod'

import { askableVerbs } from '../../../common/verbs.js'
import type { CommandDesk } from '../../commands/command-desk.js'
import type { FleetLook } from '../../fleet-look.js'
import type { ApiApp } from '../app.js'
import { callerOf } from '../guard.js'
import { findByIdOrName } from '../lookup.js'
import { vmActionView, type VmActionView } from '../views.js'
import { answers } from './answers.js'

interface Parts {
  readonly commands: Pick<CommandDesk, 'judge'>
  readonly look: Pick<FleetLook, 'current'>
}

/** What whoever asks could ask of a VM now. Unlike a dry run it leaves no trace: it is what a page shows of buttons. */
export function addVmActionRoute(app: ApiApp, { commands, look }: Parts): void {
  app.get(
    '/api/v1/vms/:id/actions',
    {
      schema: {
        summary: 'What who asks could ask of a VM now, and what speaks against the rest',
        params: z.strictObject({ id: z.string() }),
        response: answers(z.object({ actions: z.array(vmActionView) })),
      },
    },
    (request) => {
      const vm = findByIdOrName('VM', 'vm-unknown', look.current().snapshot.vms, request.params.id)
      const asker = callerOf(request)
      return {
        actions: askableVerbs.map((verb): VmActionView => {
          const { verdicts, approval } = commands.judge(verb, vm, asker)
          const refusal = verdicts.find(({ ok }) => !ok)
          return {
            verb,
            ok: refusal === undefined,
            reason: refusal?.says ?? '',
            ...(approval !== undefined && { approval }),
          }
        }),
      }
    },
  )
}
