// Runs the canary's writer from its TypeScript source, in tests and development. The product runs the compiled canary-writer.js.
import { register } from 'tsx/esm/api'

register()
await import('./canary-writer.ts')
