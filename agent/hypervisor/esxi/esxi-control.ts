import { pause } from '../../../common/lifecycle.js'
import type { VerbName } from '../../../common/verbs.js'
import { ActionRefused, type PowerAction, type VmControl, type VmNow, type VmState } from '../hypervisor.js'
import { readObjects } from './properties.js'
import type { Invoke, ServiceContent } from './session.js'
import type { Site } from './site.js'
import { refIn, SoapFault, textAt, type MoRef } from './soap-message.js'

const acts = ['start', 'shutdown', 'reboot', 'reset', 'destroy'] as const satisfies readonly PowerAction[]

/** What each is called there. A task goes on after the call; a guest is only asked. */
const methods: Readonly<Partial<Record<PowerAction, { readonly name: string; readonly isTask: boolean }>>> = {
  start: { name: 'PowerOnVM_Task', isTask: true },
  shutdown: { name: 'ShutdownGuest', isTask: false },
  reboot: { name: 'RebootGuest', isTask: false },
  reset: { name: 'ResetVM_Task', isTask: true },
  destroy: { name: 'PowerOffVM_Task', isTask: true },
} satisfies Readonly<Record<(typeof acts)[number], unknown>>

const states: Readonly<Record<string, VmState>> = {
  poweredOn: 'running',
  poweredOff: 'shutoff',
  // As the driver tells it: off, with its memory saved.
  suspended: 'shutoff',
}

const lookAtTaskEveryMs = 250

/**
 * Power of VMs and guests of one ESXi host. Not to halt them: what the API calls suspending ends a VM and saves its memory, which is another
 * verb.
 */
export class EsxiControl implements VmControl {
  readonly verbs: ReadonlySet<VerbName> = new Set(acts)

  constructor(
    private readonly site: Site,
    /** Id of the host's managed object. */
    private readonly hostId: string,
  ) {}

  look(vmUuid: string, signal: AbortSignal): Promise<VmNow | undefined> {
    const vm = this.#find(vmUuid)
    if (vm === undefined) return Promise.resolve(undefined)
    return this.site.session.run(signal, async (invoke, { content }) => {
      const paths = ['name', 'runtime.powerState', 'runtime.bootTime', 'runtime.host']
      const [object] = await readObjects(invoke, content, { type: vm.type, paths, ids: [vm.id] })
      const text = (path: string): string => object?.properties.get(path)?.text ?? ''
      if (object === undefined || text('runtime.host') !== this.hostId) return undefined
      const state = states[text('runtime.powerState')] ?? 'unknown'
      return {
        uuid: vmUuid,
        name: text('name'),
        state,
        stateReason: text('runtime.powerState') === 'suspended' ? 'saved' : 'unknown',
        runId: state === 'running' ? text('runtime.bootTime') || 'since before the server knew' : '',
        autostart: false,
      }
    })
  }

  async power(vmUuid: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    const method = methods[action]
    const vm = this.#find(vmUuid)
    if (method === undefined) throw new ActionRefused(`ESXi has no ${action}`)
    if (vm === undefined) throw new ActionRefused(`no VM ${vmUuid} is on this host`)
    const { session } = this.site
    // Run once more after a new login only if the server has not taken it: then nothing was done.
    const [answer] = await session.run(signal, (invoke) => invoke(method.name, vm).catch(refused))
    if (!method.isTask) return
    const task = refIn(answer)
    if (task === undefined) throw new Error(`${method.name}: the answer names no task`)
    while (!(await session.run(signal, (invoke, { content }) => isDone(invoke, content, task)))) {
      await pause(lookAtTaskEveryMs, signal)
      signal.throwIfAborted()
    }
  }

  setAutostart(): Promise<void> {
    return Promise.reject(new ActionRefused('autostart of ESXi is not set from here'))
  }

  #find(vmUuid: string): MoRef | undefined {
    const vm = this.site.vmsOn(this.hostId).find(({ uuid }) => uuid === vmUuid)
    return vm && { type: 'VirtualMachine', id: vm.id }
  }
}

/** The server says why it does not begin. That it does not know the session any more is for whoever logs in. */
function refused(error: unknown): never {
  if (error instanceof SoapFault && error.fault !== 'NotAuthenticated')
    throw new ActionRefused(error.message, { cause: error })
  throw error
}

/** @throws ActionRefused if the task failed: a power operation is done or not */
async function isDone(invoke: Invoke, content: ServiceContent, task: MoRef): Promise<boolean> {
  const query = { type: 'Task', paths: ['info.state', 'info.error'], ids: [task.id] }
  const [object] = await readObjects(invoke, content, query)
  if (object === undefined) throw new Error('the server does not know the task any more')
  const state = object.properties.get('info.state')?.text
  if (state !== 'error') return state === 'success'
  const said = textAt(object.properties.get('info.error'), 'localizedMessage')
  throw new ActionRefused(said?.slice(0, 512) ?? 'the task failed')
}
