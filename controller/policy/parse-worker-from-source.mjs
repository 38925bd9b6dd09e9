// Runs the thread from its TypeScript source, in tests and development. The product runs the compiled parse-worker.js.
import { register } from 'tsx/esm/api'

register()
await import('./parse-worker.ts')
