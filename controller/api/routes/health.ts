import type { Registry } from 'prom-client'
import { z } from 'zod'

import type { ApiApp } from '../app.js'
import { answers } from './answers.js'

export interface Readiness {
  readonly ok: boolean
  readonly reasons: readonly string[]
}

interface HealthRouteOptions {
  readonly ready: () => Readiness
  readonly registry: Registry
}

const readinessView = z.object({ ok: z.boolean(), reasons: z.array(z.string()).describe('why not; empty if ready') })

/** For supervisors, load balancers and Prometheus. */
export function addHealthRoutes(app: ApiApp, { ready, registry }: HealthRouteOptions): void {
  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: { summary: 'Alive', security: [], response: answers(z.object({ ok: z.literal(true) })) },
    },
    () => ({ ok: true }) as const,
  )
  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      schema: { summary: 'Ready to serve', security: [], response: { 200: readinessView, 503: readinessView } },
    },
    (_request, reply) => {
      const { ok, reasons } = ready()
      void reply.code(ok ? 200 : 503)
      return { ok, reasons: [...reasons] }
    },
  )
  app.get(
    '/metrics',
    {
      config: { access: 'metrics' },
      schema: { summary: 'Metrics of the controller itself, for Prometheus', produces: [registry.contentType] },
    },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  )
}
