import { notAllowed, type AllowRule, type LocalTime } from '../../common/allow-rules.js'
import { isVerb, verbOf, wrongArgs, wrongState, type VerbName, type Verdict } from '../../common/verbs.js'
import type { VmControl, VmNow } from '../hypervisor/hypervisor.js'
import type { CommandSpec } from './command-record.js'
import type { ExecEntry } from './exec-entry.js'
import { allVerbs } from './verbs/all-verbs.js'

/** What a command is checked against. */
export interface Circumstances {
  /** Whether the agent has that host; and what can be done with its VMs, if anything. */
  readonly isServed: boolean
  readonly verbs: ReadonlySet<VerbName> | undefined
  readonly lacks?: VmControl['lacks']
  readonly allow: readonly AllowRule[]
  readonly at: LocalTime
  /** As it was just read; undefined: there is none, or nothing could read it. */
  readonly vm: VmNow | undefined
  /** It is a step of a move that this agent has allowed already, when it took part in it: halfway nothing may stay for good. */
  readonly isPromised?: boolean
}

/** What can be done with the VMs of a host: by its driver, and by programs of the configuration. */
export function verbsHere({ verbs }: Pick<VmControl, 'verbs'>, programs: readonly ExecEntry[]): ReadonlySet<VerbName> {
  return programs.length === 0 ? verbs : new Set([...verbs, 'exec'])
}

/** All checks of the agent, in order. Nothing is done unless every one is passed. Later checks that make no sense after a failed one are left out. */
export function agentVerdicts(
  spec: CommandSpec,
  { isServed, verbs, lacks, allow, at, vm, isPromised = false }: Circumstances,
): readonly Verdict[] {
  const { verb, args, vmUuid } = spec
  if (!isVerb(verb)) return [no('verb', `this agent knows no verb ${JSON.stringify(verb.slice(0, 40))}`)]
  const wrong = wrongArgs(verb, args)
  const verdicts = [wrong === undefined ? yes('verb', verb) : no('verb', wrong)]
  if (!isServed) return [...verdicts, no('host', 'this agent has no such host')]
  verdicts.push(
    verbs === undefined
      ? no('host', allow.length === 0 ? 'the agent only observes' : 'this host can only be read')
      : verbs.has(verb)
        ? yes('host', 'its driver can do that')
        : no('host', lacks?.of[verb] ?? lacks?.all ?? `its driver cannot ${verb}`),
  )
  // A controller that may not command a VM does not learn from a refusal what it is called either.
  if (vm === undefined) {
    const unnamed = allow.length === 0 ? notAllowed(allow, verb, '', at) : undefined
    // Only who has looked can say that there is none.
    const absent = verbs === undefined ? [] : [no('vm', `no VM ${vmUuid} is here`)]
    return [...verdicts, ...(unnamed === undefined ? [] : [no('allow', unnamed)]), ...absent]
  }
  const denied = isPromised ? undefined : notAllowed(allow, verb, vm.name, at)
  const allowed = isPromised ? 'allowed when its move began' : `allowed for ${vm.name}`
  verdicts.push(denied === undefined ? yes('allow', allowed) : no('allow', denied))
  const unfit = wrongState(verb, vm.state) ?? allVerbs[verb].refuses?.(vm)
  verdicts.push(unfit === undefined ? yes('state', `the VM is ${vm.state}`) : no('state', unfit))
  return verdicts
}

/** Why a VM is not any more what a verb was to be done with; undefined if it is. */
export function changedBetween(verb: string, before: VmNow, now: VmNow | undefined): string | undefined {
  if (now === undefined && isVerb(verb) && verbOf(verb).mayBeAbsent === true) return undefined
  if (now === undefined) return 'the VM is gone from this host since it was looked at'
  if (now.name !== before.name) return 'the VM has got another name since it was looked at'
  if (now.runId !== before.runId) return 'the VM began or ended a run since it was looked at'
  return isVerb(verb) ? (wrongState(verb, now.state) ?? allVerbs[verb].refuses?.(now)) : undefined
}

export function firstRefusal(verdicts: readonly Verdict[]): string | undefined {
  return verdicts.find(({ ok }) => !ok)?.says
}

function yes(check: string, says: string): Verdict {
  return { check, ok: true, says }
}

function no(check: string, says: string): Verdict {
  return { check, ok: false, says }
}
