import { localTime, notAllowed, type AllowRule } from '../../common/allow-rules.js'
import { formatMemory } from '../../common/units.js'
import {
  allowedAs,
  isVerb,
  quantityOf,
  verbOf,
  wrongArgs,
  wrongState,
  type Verdict,
  type VerbName,
} from '../../common/verbs.js'
import { valueOf, type Vm } from '../model/snapshot.js'
import type { Command } from './command.js'
import { maintenanceText, type Maintenance } from './maintenance.js'
import { permissionVerdicts, type Asker } from './permission.js'
import { copiesVerdict, type CopyElsewhere } from './copies.js'

/** What an agent says it would do, at its hello. It decides itself. */
export interface AgentRules {
  readonly allow: readonly AllowRule[]
  readonly utcOffsetMinutes: number
  /** Programs of the verb exec that read or write much. */
  readonly bulkPrograms?: ReadonlySet<string>
  /** By host: what can be done there at all, and why nothing else. */
  readonly verbs: ReadonlyMap<string, { readonly verbs: readonly string[]; readonly reason: string }>
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What somebody asks for; without arguments it is judged apart from them, as one does who asks what could be asked for. */
interface AskedFor {
  readonly verb: string
  readonly args: Readonly<Record<string, string>> | undefined
}

/** Everything that speaks against a command before it is sent, and what does not. Pure. */
export function preflight(
  asked: AskedFor,
  vm: Vm,
  {
    asker,
    owner,
    rules,
    open,
    copies = [],
    maintenance,
    hostSpareBytes,
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
    /** Of its host; undefined: there is none. */
    readonly maintenance?: Maintenance | undefined
    /** Of the memory ledger of its host; undefined: not known. */
    readonly hostSpareBytes?: number | undefined
    readonly now: number
  },
): readonly Verdict[] {
  const { verb, args } = asked
  if (!isVerb(verb) || verbOf(verb).stepOf !== undefined)
    return [no('verb', `there is no verb ${JSON.stringify(verb.slice(0, 40))}`)]
  const wrong = args && (wrongArgs(verb, args) ?? notForAskers(verb, args))
  const verdicts: Verdict[] = [wrong === undefined ? yes('verb', verb) : no('verb', wrong)]
  verdicts.push(...permissionVerdicts(verb, { name: vm.name, owner }, asker))
  verdicts.push(
    uuid.test(vm.uuid)
      ? yes('vm', `one VM is named ${vm.name}`)
      : no('vm', 'this copy is kept apart: two hosts run one VM, which a person has to look into'),
  )
  const unfit = wrongState(verb, vm.state)
  verdicts.push(unfit === undefined ? yes('state', `the VM is ${vm.state}`) : no('state', unfit))
  // What waits for a second person, or for its array, holds nothing up.
  const other = open.find(
    ({ vmUuid, dryRun, state, stepOf, bulk }) =>
      vmUuid === vm.uuid &&
      !dryRun &&
      stepOf === undefined &&
      state !== 'pending-approval' &&
      (state !== 'queued' || bulk === undefined),
  )
  // But one asks for the same only once: so nobody fills the places for commands with what nobody may ever approve.
  const again = open.find(
    (one) =>
      one.vmUuid === vm.uuid && one.state === 'pending-approval' && one.verb === verb && one.actor === asker.name,
  )
  if (again !== undefined) verdicts.push(no('others', `${verb} waits for approval, as command ${again.number}`))
  // Nor does a program run twice because its first answer was lost.
  const queued = open.find((one) => args !== undefined && isSameBulk(one, { verb, args }, vm))
  if (queued !== undefined) verdicts.push(no('others', `the same waits for its array, as command ${queued.number}`))
  verdicts.push(
    other === undefined
      ? yes('others', 'no other command is under way for it')
      : no('others', `${other.verb} is under way for it, as command ${other.number}`),
  )
  const { beginsRun, goesOn } = verbOf(verb)
  if (beginsRun === true || goesOn === true) verdicts.push(copiesVerdict(copies))
  if (beginsRun === true)
    verdicts.push(
      maintenance === undefined
        ? yes('maintenance', 'its host takes VMs')
        : no('maintenance', maintenanceText(maintenance)),
    )
  verdicts.push(...reserveVerdict(asked, vm, hostSpareBytes))
  if (rules === undefined) return [...verdicts, no('agent', 'the agent of its host is not connected')]
  verdicts.push(yes('agent', 'the agent of its host is connected'))
  const can = rules.verbs.get(vm.hostId)
  verdicts.push(
    can?.verbs.includes(allowedAs(verb)) === true
      ? yes('host', 'its host can do that')
      : no('host', can?.reason || `its host cannot ${verb}`),
  )
  const denied = notAllowed(rules.allow, verb, vm.name, localTime(now, rules.utcOffsetMinutes))
  verdicts.push(denied === undefined ? yes('allow', 'its agent allows it') : no('allow', denied))
  return verdicts
}

/**
 * Whether a VM may be given more memory. Its maximum, which the agent holds it to, is in its host's ledger already: so only a host whose VMs reach
 * into the reserve has nothing to give.
 */
function reserveVerdict({ verb, args }: AskedFor, vm: Vm, hostSpareBytes: number | undefined): readonly Verdict[] {
  const wanted = verb === 'memory' && args !== undefined ? quantityOf(verb, args, 'size') : undefined
  const has = valueOf(vm.metrics['memoryBytes'])
  const grows = wanted !== undefined && (has === undefined || wanted > has)
  if (!grows || hostSpareBytes === undefined) return []
  const beyond = formatMemory(-hostSpareBytes)
  return [
    hostSpareBytes >= 0
      ? yes('reserve', 'its host has its reserve')
      : no('reserve', `the VMs of its host may grow ${beyond} into the memory that is kept for the host itself`),
  ]
}

/** Why arguments are not for who asks; undefined: they are. */
function notForAskers(verb: VerbName, args: Readonly<Record<string, string>>): string | undefined {
  const set = Object.entries(verbOf(verb).args).find(
    ([key, arg]) => arg.isSetByController === true && Object.hasOwn(args, key),
  )
  return set && `${set[0]} of ${verb} is set by the controller alone`
}

function isSameBulk(one: Command, { verb, args }: Pick<Command, 'verb' | 'args'>, vm: Pick<Vm, 'uuid'>): boolean {
  const { vmUuid, state, bulk } = one
  if (vmUuid !== vm.uuid || state !== 'queued' || bulk === undefined || one.verb !== verb) return false
  const keys = new Set([...Object.keys(args), ...Object.keys(one.args)])
  return [...keys].every((key) => args[key] === one.args[key])
}

function yes(check: string, says: string): Verdict {
  return { check, ok: true, says }
}

function no(check: string, says: string): Verdict {
  return { check, ok: false, says }
}
