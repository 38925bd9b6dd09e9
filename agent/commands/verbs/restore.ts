import { needed } from './needed.js'
import { start } from './start.js'
import type { VerbWork } from './verb-work.js'

/** A start goes on from what was saved: here it has to be. */
export const restore: VerbWork = {
  async checks({ control, vmUuid, signal }) {
    const ok = await needed(control.saving).hasSaved(vmUuid, signal)
    return [{ check: 'saved', ok, says: ok ? 'it was saved' : 'it was not saved: start begins anew' }]
  },
  run: (context) => start.run(context),
  seen: (context) => start.seen(context),
}
