// Makes one file of the agent's program: dist/agent/main.js with all that it loads at its start. Modules on their own
// take 9 MB more memory, for months on every hypervisor. What is loaded once in a while stays outside: see agent/errands.ts.
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { rolldown } from 'rolldown'

/** Loaded when they are needed, by errands and the first scrape of /metrics. */
const external = ['@peculiar/x509', 'reflect-metadata', 'systeminformation', 'prom-client']

/** @param {string} dist directory of the compiled programs */
export async function bundleAgent(dist) {
  const made = join(dist, 'agent.bundled')
  const bundle = await rolldown({
    input: {
      main: join(dist, 'agent/main.js'),
      // What runs in a thread of its own is found beside it.
      'canary-writer': join(dist, 'agent/storage/canary/canary-writer.js'),
    },
    platform: 'node',
    external,
    // gRPC loads it for its channelz service, which nothing here opens.
    resolve: { alias: { '@grpc/proto-loader': join(import.meta.dirname, 'no-proto-loader.mjs') } },
    checks: { ineffectiveDynamicImport: false },
    logLevel: 'warn',
  })
  await bundle.write({ dir: made, format: 'esm', minify: { compress: true, mangle: false }, sourcemap: false })
  await bundle.close()
  rmSync(join(dist, 'agent'), { recursive: true })
  renameSync(made, join(dist, 'agent'))
}
