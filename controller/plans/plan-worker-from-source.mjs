// Runs the thread from its TypeScript source, in tests and development. The product runs the compiled plan-worker.js.
import { register } from 'tsx/esm/api'

register()
await import('./plan-worker.ts')
