import { pause } from '../../../common/lifecycle.js'
import type { SaveControl, WorkProgress } from '../hypervisor.js'
import type { RpcConnection } from './connection.js'
import type { DomainAccess } from './domain-access.js'
import { hasAddedVcpus } from './domain-sizes.js'
import {
  domainAbortJob,
  domainGetJobBytes,
  domainGetXml,
  domainHasManagedSave,
  domainManagedSave,
  type DomainRef,
} from './procedures.js'

/** The caller's signal ends it earlier. */
const saveDeadlineMs = 3_600_000
const askProgressEveryMs = 500

/** Saving in libvirt's own place (a managed save): the next start goes on from there. */
export function saveControl({ read, act }: DomainAccess): SaveControl {
  return {
    hasSaved: (vmUuid, signal) =>
      read(vmUuid, signal, (connection, domain) => domainHasManagedSave(connection, domain, { signal })),
    unrestorable: (vmUuid, signal) =>
      read(vmUuid, signal, async (connection, domain) =>
        hasAddedVcpus(await domainGetXml(connection, domain, 0, { signal }))
          ? 'vCPUs were added in this run: libvirt would go on with as many queues of its disks as if it had begun with them, and fail'
          : undefined,
      ),
    save: (vmUuid, progress, signal) =>
      // libvirt lets the guest go on where it fails.
      act(vmUuid, true, signal, async (connection, domain) => {
        const over = new AbortController()
        const told = tellProgress(connection, domain, progress, over.signal)
        try {
          await domainManagedSave(connection, domain, { signal, deadlineMs: saveDeadlineMs })
        } finally {
          over.abort()
          await told
        }
      }),
    breakOff: (vmUuid, signal) =>
      act(vmUuid, true, signal, (connection, domain) => domainAbortJob(connection, domain, { signal })),
  }
}

async function tellProgress(
  connection: RpcConnection,
  domain: DomainRef,
  progress: (done: WorkProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(askProgressEveryMs, signal)
    if (signal.aborted) return
    try {
      const job = await domainGetJobBytes(connection, domain, { signal })
      if (job.totalBytes > 0) progress(job)
    } catch {
      // It is only for who waits; the save itself says whether it works.
    }
  }
}
