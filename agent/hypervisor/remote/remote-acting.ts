import type { Log } from '../../../common/log.js'
import { waitAtMost } from '../../host/wait-at-most.js'
import { ActionRefused, HypervisorDenied } from '../hypervisor.js'
import { LibvirtControl } from '../libvirt/control.js'
import type { XenOptions } from '../xen/driver.js'
import { failureOf, wordsOf, type XenAct, type XenActor } from '../xen/xen-acts.js'
import { XenToolError } from '../xen/xen-tools.js'
import type { Part } from './frame.js'
import { ReaderStream, type Question } from './reader-stream.js'
import { remoteXenTools, toolText } from './remote-xen-tools.js'
import type { SshTarget } from './ssh-arguments.js'
import { SshLink } from './ssh-link.js'

export interface RemoteActingOptions {
  readonly target: SshTarget
  readonly isLibvirt: boolean
  readonly log: Log
  readonly monotonicMs: () => number
}

type CheckLife = (signal: AbortSignal) => Promise<void>

const actDeadlineMs = 120_000
const patienceMs = 300_000
const mostBytes = 65_536
/** xm hangs when xend does, and each try would leave one more there. */
const toolLateMs = 3_600_000

/** Acts on the VMs of a Xen host over ssh, by a key of its own, whose connection is made when there is something to do. */
export function remoteActing({ target, isLibvirt, log, monotonicMs }: RemoteActingOptions): {
  /**
   * For one driver.
   * @param isSameLife throws unless the host is in the life that the driver was opened in: numbers of domains begin anew with each boot
   */
  control(isSameLife: CheckLife): NonNullable<XenOptions['control']>
  close(): Promise<void>
} {
  const link = new SshLink({ target, log, monotonicMs })
  const stream = new ReaderStream({
    open: () => link.open('files'),
    onLost: () => undefined,
    monotonicMs,
    lateMs: toolLateMs,
  })
  const tools = remoteXenTools((question) => stream.ask(question))
  const endpoint = {
    name: `libvirt of ${target.host} over ssh, as ${target.user}`,
    readOnly: false,
    dial: () => link.open('libvirt-xen'),
  }
  return {
    control: (isSameLife) => ({
      actor: remoteXenActor((question) => stream.ask(question), isSameLife),
      info: (signal) => tools.text('info', signal),
      libvirt: isLibvirt
        ? new LibvirtControl({ socket: undefined, runRoot: '', uri: 'xen:///system', endpoint })
        : undefined,
    }),
    async close() {
      stream.close()
      await link.close()
    },
  }
}

/**
 * What headroom-reader does there if its forced command has --act. The life of the host is looked at when the channel is open, which a boot
 * would end: so what is written goes to the life that was looked at. What waits when its command is over is not done any more.
 */
export function remoteXenActor(ask: (question: Question) => Promise<readonly Part[]>, isSameLife: CheckLife): XenActor {
  return {
    async do(act: XenAct, signal: AbortSignal): Promise<string> {
      const word = wordsOf(act).join(' ')
      const over = new AbortController()
      const wanted = AbortSignal.any([signal, over.signal])
      const check = (): Promise<void> =>
        isSameLife(wanted).catch((error: unknown) => {
          throw new ActionRefused(error instanceof Error ? error.message : String(error), { cause: error })
        })
      const asked = ask({ word, deadlineMs: actDeadlineMs, mostBytes, signal: wanted, check })
      const parts = await waitAtMost(asked, patienceMs, `xl ${word}`, signal).finally(() => over.abort())
      if (parts.some(({ kind }) => kind === 'unknown'))
        throw new ActionRefused('the host lets this key only read: its forced command has no --act, or an older reader')
      try {
        return toolText(parts)
      } catch (error) {
        if (error instanceof XenToolError) throw failureOf(act, error.message)
        if (error instanceof HypervisorDenied) throw new ActionRefused(error.message, { cause: error })
        throw error
      }
    },
  }
}
