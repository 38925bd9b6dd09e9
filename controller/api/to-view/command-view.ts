import { mayAs, type Caller } from '../../access/caller.js'
import type { Approval } from '../../commands/approval.js'
import type { Command } from '../../commands/command.js'
import type { RemedyMark } from '../../remedies/remedy-mark.js'
import type { CommandView, RemedyView } from '../views.js'
import { given } from './metrics-view.js'

export function commandView(command: Command, caller: Caller): CommandView {
  const {
    output,
    vmName,
    hostName,
    timeoutMs: _timeout,
    revision: _revision,
    outputEnd: _end,
    gaveUp: _gaveUp,
    sentTo: _sentTo,
    approval,
    move: _move,
    definition: _definition,
    remedy,
    bulk,
    ...rest
  } = command
  return {
    ...(approval !== undefined && { approval: approvalView(approval) }),
    ...rest,
    ...(seesOutput(caller, command) ? { output } : { output: '', ...(output !== '' && { outputWithheld: true }) }),
    args: { ...command.args },
    verdicts: [...command.verdicts],
    vm: vmName,
    host: hostName,
    ...(remedy !== undefined && { remedy: remedyView(remedy) }),
    ...(bulk !== undefined && {
      bulk: given({ arrays: bulk.boxes.map(({ name }) => name), bytesPerSecond: bulk.bytesPerSecond }),
    }),
  }
}

function approvalView({ rule, role, by, at }: Approval): NonNullable<CommandView['approval']> {
  return { rule, role, ...(by !== undefined && { by }), ...(at !== undefined && { at }) }
}

/** What a command said (a console, a definition) is for who asked for it and for operators; others see that there is something. */
function seesOutput({ name, role, scope }: Caller, { actor }: Command): boolean {
  return actor === name || (mayAs(role, 'operator') && scope === undefined)
}

function remedyView({ alert, boxId, text, effect }: RemedyMark): RemedyView {
  return {
    alert,
    array: boxId,
    text,
    ...(effect !== undefined && {
      effect: given({
        ...effect,
        before: effect.before && given(effect.before),
        after: effect.after && given(effect.after),
      }),
    }),
  }
}
