import { ActionRefused, type VmNow } from '../../hypervisor/hypervisor.js'
import { gone, isOff, lookUntil, tries, type Outcome, type VerbWork } from './verb-work.js'

/** A guest that boots loses the request: it is said again. One that shuts down takes it once. */
const askEveryMs = 10_000
const lookEveryMs = 500

export const shutdown: VerbWork = {
  async run({ before, control, vmUuid, signal, pause, say }) {
    let asked = 0
    let askAgainInMs = 0
    for (;;) {
      const vm = await control.look(vmUuid, signal)
      if (vm === undefined) return { state: 'unknown', reason: gone }
      if (isOff(vm)) return down(asked)
      if (vm.runId !== before.runId) return another
      if (askAgainInMs <= 0) {
        await ask(asked)
        asked += 1
        say(`asked the guest to shut down${asked === 1 ? '' : `, ${asked} times now`}`)
        askAgainInMs = askEveryMs
      }
      await pause(lookEveryMs)
      askAgainInMs -= lookEveryMs
      if (signal.aborted) return { state: 'failed', reason: `asked ${times(asked)}, the guest has not shut down` }
    }

    /** Between the look and the request it may have gone down: only the first refusal says that nothing was done. */
    async function ask(before: number): Promise<void> {
      try {
        await control.power(vmUuid, 'shutdown', signal)
      } catch (error) {
        if (before === 0 || !(error instanceof ActionRefused)) throw error
      }
    }
  },
  async seen(context) {
    const vm = await lookUntil(context, isOff, tries)
    if (vm === undefined) return { state: 'unknown', reason: gone }
    if (isOff(vm)) return { state: 'succeeded', reason: `it is ${vm.state}` }
    return onceMore(vm, context.before)
  },
}

function onceMore(vm: VmNow, before: VmNow): Outcome {
  if (vm.runId !== before.runId) return another
  return { state: 'unknown', reason: `it is ${vm.state}: the guest may have been asked, and may still shut down` }
}

function down(asked: number): Outcome {
  return { state: 'succeeded', ...(asked > 1 && { reason: `asked ${times(asked)}` }) }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

const another: Outcome = { state: 'succeeded', reason: 'it went down, and was started again since' }
