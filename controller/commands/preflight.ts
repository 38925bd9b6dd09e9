import { localTime, notAllowed, type AllowRule } from '../../common/allow-rules.js'
import { isVerb, verbOf, wrongArgs, wrongState, type Verdict } from '../../common/verbs.js'
import type { Vm } from '../model/snapshot.js'
import type { Command } from './command.js'
import { permissionVerdicts, type Asker } from './permission.js'
import { copiesVerdict, type CopyElsewhere } from './copies.js'

/** What an agent says it would do, at its hello. It decides itself. */
export interface AgentRules {
  readonly allow: readonly AllowRule[]
  readonly utcOffsetMinutes: number
  /** By host: what can be done there at all, and why nothing else. */
  readonly verbs: ReadonlyMap<string, { readonly verbs: readonly string[]; readonly reason: string }>
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Everything that speaks against a command before it is sent, and what does not. Pure. */
export function preflight(
  asked: { readonly verb: string; readonly args: Readonly<Record<string, string>> },
  vm: Vm,
  {
    asker,
    owner,
    rules,
    open,
    copies = [],
    now,
  }: {
    readonly asker: Asker
    /** Whose VM it is; undefined: nobody says. */
    readonly owner: string | undefined
    /** Undefined: the agent of its host is not connected. */
    readonly rules: AgentRules | undefined
    /** Commands that have not ended. */
    readonly open: readonly Command[]
    /** Other hosts that have the same VM. */
    readonly copies?: readonly CopyElsewhere[]
    readonly now: number
  },
): readonly Verdict[] {
  const { verb, args } = asked
  if (!isVerb(verb)) return [no('verb', `there is no verb ${JSON.stringify(verb.slice(0, 40))}`)]
  const wrong = wrongArgs(verb, args)
  const verdicts: Verdict[] = [wrong === undefined ? yes('verb', verb) : no('verb', wrong)]
  verdicts.push(...permissionVerdicts(verb, { name: vm.name, owner }, asker))
  verdicts.push(
    uuid.test(vm.uuid)
      ? yes('vm', `one VM is named ${vm.name}`)
      : no('vm', 'this copy is kept apart: two hosts run one VM, which a person has to look into'),
  )
  const unfit = wrongState(verb, vm.state)
  verdicts.push(unfit === undefined ? yes('state', `the VM is ${vm.state}`) : no('state', unfit))
  // What waits for a second person holds nothing up.
  const other = open.find(({ vmUuid, dryRun, state }) => vmUuid === vm.uuid && !dryRun && state !== 'pending-approval')
  verdicts.push(
    other === undefined
      ? yes('others', 'no other command is under way for it')
      : no('others', `${other.verb} is under way for it, as command ${other.number}`),
  )
  if (verbOf(verb).beginsRun === true) verdicts.push(copiesVerdict(copies))
  if (rules === undefined) return [...verdicts, no('agent', 'the agent of its host is not connected')]
  verdicts.push(yes('agent', 'the agent of its host is connected'))
  const can = rules.verbs.get(vm.hostId)
  verdicts.push(
    can?.verbs.includes(verb) === true
      ? yes('host', 'its host can do that')
      : no('host', can?.reason || `its host cannot ${verb}`),
  )
  const denied = notAllowed(rules.allow, verb, vm.name, localTime(now, rules.utcOffsetMinutes))
  verdicts.push(denied === undefined ? yes('allow', 'its agent allows it') : no('allow', denied))
  return verdicts
}

function yes(check: string, says: string): Verdict {
  return { check, ok: true, says }
}

function no(check: string, says: string): Verdict {
  return { check, ok: false, says }
}
