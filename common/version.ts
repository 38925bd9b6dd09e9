import { readFileSync } from 'node:fs'

import { z } from 'zod'

const packageFile = z.object({ name: z.literal('headroom'), version: z.string() })

/** The version of this program: that of the package around it, one folder up in the sources, two in what is built. */
export function readVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const found = packageFile.safeParse(JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')))
      if (found.success) return found.data.version
    } catch {
      // Not there: the next place is tried.
    }
  }
  return 'unknown'
}
