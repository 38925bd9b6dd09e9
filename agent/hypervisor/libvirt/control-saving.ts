import type { SaveControl } from '../hypervisor.js'
import type { DomainAccess } from './domain-access.js'
import { hasAddedVcpus } from './domain-sizes.js'
import {
  domainAbortJob,
  domainGetJobBytes,
  domainGetXml,
  domainHasManagedSave,
  domainManagedSave,
} from './procedures.js'
import { tellProgress } from './job-progress.js'

/** The caller's signal ends it earlier. */
const saveDeadlineMs = 3_600_000

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
        const told = tellProgress(
          async () => {
            const job = await domainGetJobBytes(connection, domain, { signal: over.signal })
            return job.totalBytes > 0 ? job : undefined
          },
          progress,
          over.signal,
        )
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
