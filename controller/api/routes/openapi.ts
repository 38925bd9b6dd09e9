import type { ApiApp } from '../app.js'

/** The description of this API by itself. */
export function addOpenapiRoute(app: ApiApp): void {
  app.get('/api/v1/openapi.json', { schema: { summary: 'This API as OpenAPI 3' } }, () => app.swagger())
}
