import { agentVerdicts, firstRefusal, verbsHere } from '../../agent/commands/command-checks.js'
import type { ExecEntry } from '../../agent/commands/exec-entry.js'
import { LimitKeeper, type LimitStore } from '../../agent/commands/limit-keeper.js'
import { allVerbs } from '../../agent/commands/verbs/all-verbs.js'
import type { Outcome, VerbContext } from '../../agent/commands/verbs/verb-work.js'
import { ActionRefused, type VmControl, type VmNow } from '../../agent/hypervisor/hypervisor.js'
import { pause } from '../../common/lifecycle.js'
import { createLog } from '../../common/log.js'
import { askableVerbs, verbNames, type VerbName, type Verdict } from '../../common/verbs.js'
import { HandMarks } from './hand-marks.js'

type Args = Readonly<Record<string, string>>

/** Arguments with which each verb that needs some is right. */
const rightArgs: Partial<Record<VerbName, Args>> = {
  autostart: { enabled: 'on' },
  limit: { write: '1MiB/s', for: '1m' },
  memory: { size: '64MiB' },
  vcpus: { count: '1' },
  'memory-statistics': { every: '5s' },
}

/** Verbs as an agent does them, on one VM of a driver. */
export class VerbBench {
  readonly limits: LimitKeeper
  readonly said: string[] = []
  programs: readonly ExecEntry[] = []
  readonly archived: string[] = []
  readonly marks = new HandMarks()
  readonly incoming: string[] = []
  definition: string | undefined
  held: () => Promise<void> = () => Promise.resolve()
  readonly archive = {
    keepIncoming: (_vmUuid: string, definition: string): Promise<string> => {
      this.incoming.push(definition)
      return Promise.resolve('/archive/incoming')
    },
    keep: (_vmUuid: string, definition: string): Promise<string> => {
      this.archived.push(definition)
      return Promise.resolve('/archive')
    },
  }
  readonly progressed: { readonly doneBytes: number; readonly totalBytes: number }[] = []

  constructor(
    readonly control: VmControl,
    readonly vmUuid: string,
    store: LimitStore = { load: () => Promise.resolve([]), save: () => Promise.resolve() },
  ) {
    this.limits = new LimitKeeper({
      store,
      control: () => control,
      mayHave: () => true,
      now: Date.now,
      monotonicMs: () => performance.now(),
      audit: () => Promise.resolve(),
      log: createLog('test', 'silent'),
    })
  }

  async contextOf(args: Args, signal: AbortSignal = new AbortController().signal): Promise<VerbContext> {
    const { control, vmUuid, limits } = this
    const before =
      (await control.look(vmUuid, signal)) ??
      (this.definition === undefined ? undefined : absentVm(vmUuid, args['name'] ?? ''))
    if (before === undefined) throw new Error('no such VM')
    return {
      commandId: 'm',
      hostId: 'h',
      vmUuid,
      args,
      before,
      control,
      limits,
      programs: this.programs,
      archive: this.archive,
      marks: this.marks,
      definition: this.definition,
      held: () => this.held(),
      signal,
      say: (line) => this.said.push(line),
      progress: (done) => this.progressed.push(done),
      pause: (ms) => pause(ms, signal),
    }
  }

  async run(verb: VerbName, args: Args = {}, signal?: AbortSignal): Promise<Outcome> {
    return allVerbs[verb].run(await this.contextOf(args, signal))
  }

  async seen(verb: VerbName, args: Args = {}): Promise<Outcome> {
    return allVerbs[verb].seen(await this.contextOf(args))
  }

  /** What the verb's own checks say. */
  async checks(verb: VerbName, args: Args = {}): Promise<readonly Verdict[]> {
    return (await allVerbs[verb].checks?.(await this.contextOf(args))) ?? []
  }

  /** All that an agent does for a command, but the keeping of records: its checks, then the verb. */
  async attempt(
    verb: VerbName,
    args: Args = {},
  ): Promise<Outcome | { readonly state: 'refused'; readonly reason: string }> {
    const vm = await this.control.look(this.vmUuid, new AbortController().signal)
    const refusal = this.#refusal(verb, args, vm) ?? firstRefusal(vm === undefined ? [] : await this.checks(verb, args))
    if (refusal !== undefined) return { state: 'refused', reason: refusal }
    try {
      return await this.run(verb, args)
    } catch (error) {
      if (error instanceof ActionRefused) return { state: 'failed', reason: error.message }
      throw error
    }
  }

  /** Verbs that are refused now because of the VM's state. */
  async refusedNow(): Promise<string[]> {
    const { before: vm } = await this.contextOf({})
    return askableVerbs.filter((verb) => this.#refusal(verb, rightArgs[verb] ?? {}, vm) !== undefined)
  }

  #refusal(verb: VerbName, args: Args, vm: VmNow | undefined): string | undefined {
    const { control, vmUuid } = this
    const allow = [{ verbs: verbNames, vms: ['*'] }]
    const spec = { id: 'c', hostId: 'h', verb, vmUuid, args, startBeforeMs: 0, timeoutMs: 0, actor: '' }
    const at = { weekday: 0, minute: 0 }
    const verbs = verbsHere(control, this.programs)
    const { lacks } = control
    const circumstances = { isServed: true, verbs, ...(lacks !== undefined && { lacks }), allow, at, vm }
    return firstRefusal(agentVerdicts({ ...spec, dryRun: false, onlyReport: false }, circumstances))
  }
}

function absentVm(uuid: string, name: string): VmNow {
  return { uuid, name, state: 'shutoff', stateReason: 'unknown', runId: '', autostart: false }
}
