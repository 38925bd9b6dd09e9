// Runs the worker from its TypeScript source, in tests and development. The product runs the compiled worker.js.
import { register } from 'tsx/esm/api'

register()
await import('./worker.ts')
