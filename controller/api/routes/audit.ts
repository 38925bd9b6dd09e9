import { z } from 'zod'

import type { ControllerAudit } from '../../audit/controller-audit.js'
import type { FleetLook } from '../../fleet-look.js'
import type { ApiApp } from '../app.js'
import { auditCheckView, auditEntryView } from '../views.js'
import { answers } from './answers.js'

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().min(1).describe('only entries below this number').optional(),
})

/** The audit log: who asked for what and what came of it. */
export function addAuditRoutes(
  app: ApiApp,
  { audit, look }: { readonly audit: ControllerAudit; readonly look: Pick<FleetLook, 'current'> },
): void {
  app.get(
    '/api/v1/audit',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Entries of the audit log, the newest first',
        querystring: query,
        response: answers(z.object({ entries: z.array(auditEntryView) })),
      },
    },
    async (request) => {
      const { limit, before } = request.query
      const entries = await audit.list(limit, before)
      return { entries: entries.map(({ seq, atMs, what, hash }) => ({ number: seq, at: atMs, what, hash })) }
    },
  )
  app.get(
    '/api/v1/audit/verify',
    {
      config: { access: 'operator' },
      schema: {
        summary: 'Whether the audit log is whole, and those of the agents, by what was seen of them',
        response: answers(auditCheckView),
      },
    },
    async () => {
      const { entries, wrong } = await audit.verify()
      const { agents } = look.current().snapshot
      return {
        entries,
        head: { entries: audit.head.entries, hash: audit.head.hash },
        ...(wrong !== undefined && { wrong }),
        agents: audit.agents().map(({ agentId, seen, wrong: ofAgent }) => ({
          agentId,
          agent: agents.get(agentId)?.name ?? agentId,
          entries: seen.entries,
          ...(ofAgent !== undefined && { wrong: ofAgent }),
        })),
      }
    },
  )
}
